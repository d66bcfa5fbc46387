using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using VBackup.Contracts.Ids;

namespace VBackup.Portal.Identity;

/// <summary>
/// What is shown to be let in, in one project, as one user. Its text is told once and kept only as a digest: it is random, so nothing
/// slower than SHA-256 is needed to keep it from being guessed.
/// </summary>
public sealed class ApiToken
{
    public const string Prefix = "vb_";

    /// <summary>How exactly <see cref="LastUsedAt"/> is known: a write at every request would be too dear.</summary>
    public static readonly TimeSpan LastUsedCoarseness = TimeSpan.FromMinutes(10);

    public static readonly TimeSpan SessionDuration = TimeSpan.FromHours(12);
    public static readonly TimeSpan LifeDefault = TimeSpan.FromDays(90);
    public static readonly TimeSpan LifeMax = TimeSpan.FromDays(366);

    const int SecretSize = 32;

    ApiToken() { }

    /// <param name="text">What <see cref="NewText"/> gave.</param>
    public ApiToken(ApiTokenId id, string text, string name, ProjectId? project, UserId user, bool isSession, DateTimeOffset now,
        DateTimeOffset expires)
    {
        (Id, Digest, Name, Project, User, IsSession) = (id, DigestOf(text), name, project, user, isSession);
        (CreatedAt, ExpiresAt) = (now, expires);
    }

    public ApiTokenId Id { get; private set; }
    public byte[] Digest { get; private set; } = [];
    public string Name { get; private set; } = "";

    /// <summary>Null for an administrator's session outside of every project.</summary>
    public ProjectId? Project { get; private set; }
    public UserId User { get; private set; }

    /// <summary>Of somebody who signed in; it goes when his password changes.</summary>
    public bool IsSession { get; private set; }
    public DateTimeOffset CreatedAt { get; private set; }
    public DateTimeOffset ExpiresAt { get; private set; }
    public DateTimeOffset? LastUsedAt { get; private set; }
    public DateTimeOffset? RevokedAt { get; private set; }

    public bool IsGood(DateTimeOffset now) => RevokedAt is null && now < ExpiresAt;

    public void Revoke(DateTimeOffset now) => RevokedAt ??= now;

    public static string NewText() => Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretSize));

    public static byte[] DigestOf(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
