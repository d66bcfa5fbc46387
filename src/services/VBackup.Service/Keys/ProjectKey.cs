using VBackup.Contracts.Ids;

namespace VBackup.Service.Keys;

/// <summary>A project's key, under the master key. Without it, nothing that the project stored can be read.</summary>
public sealed class ProjectKey
{
    ProjectKey() { }

    public ProjectKey(ProjectId project, byte[] wrapped, DateTimeOffset now) =>
        (Project, Number, Wrapped, MadeAt) = (project, 1, wrapped, now);

    /// <param name="wrappedPrevious">What some of its vaults still open with.</param>
    public static ProjectKey Recovered(ProjectId project, byte[] wrapped, byte[]? wrappedPrevious, DateTimeOffset now) =>
        new(project, wrapped, now) { WrappedPrevious = wrappedPrevious };

    public ProjectId Project { get; private set; }

    /// <summary>Higher with each new key.</summary>
    public int Number { get; private set; }

    /// <summary>Empty when it was erased.</summary>
    public byte[] Wrapped { get; private set; } = [];

    /// <summary>What opens vaults that have not heard of the new one yet. It stays until the next rotation: it opens no other.</summary>
    public byte[]? WrappedPrevious { get; private set; }
    public DateTimeOffset MadeAt { get; private set; }
    public DateTimeOffset? HandedOutAt { get; private set; }
    public DateTimeOffset? ErasedAt { get; private set; }

    public bool IsErased => ErasedAt is not null;

    public void Rotates(byte[] wrapped, DateTimeOffset now)
    {
        if (IsErased) throw new InvalidOperationException($"The key of project {Project} was erased.");
        (WrappedPrevious, Wrapped, MadeAt, HandedOutAt) = (Wrapped, wrapped, now, null);
        Number++;
    }

    public void IsHandedOut(DateTimeOffset now) => HandedOutAt = now;

    public void Erase(DateTimeOffset now) => (Wrapped, WrappedPrevious, HandedOutAt, ErasedAt) = ([], null, null, now);

    /// <summary>For new locations of a project whose old key was erased. What that one locked stays locked.</summary>
    public void IsMadeAnew(byte[] wrapped, DateTimeOffset now)
    {
        (Wrapped, MadeAt, ErasedAt) = (wrapped, now, null);
        Number++;
    }

    /// <summary>The master key has changed; this key has not.</summary>
    public void IsWrappedAnew(byte[] wrapped, byte[]? wrappedPrevious) => (Wrapped, WrappedPrevious) = (wrapped, wrappedPrevious);
}
