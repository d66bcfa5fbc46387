using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Declarations;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Plans;

/// <summary>Which of a server's volumes a plan includes.</summary>
/// <param name="Chosen">Names; null for all.</param>
/// <param name="Known">Those that the server had when they were chosen.</param>
/// <param name="IncludesLater">Those that are attached later are included too.</param>
public sealed record VolumeChoice(IReadOnlyList<string>? Chosen, IReadOnlyList<string> Known, bool IncludesLater)
{
    public static VolumeChoice All { get; } = new(null, [], true);

    /// <summary>As it is told: names; null for all, those that are attached later too. All but later ones are those that there
    /// were.</summary>
    public IReadOnlyList<string>? Names() => Chosen ?? (IncludesLater ? null : Known);

    /// <returns>Of those that the server has now; null for all of them, whatever it has then.</returns>
    public IReadOnlyList<string>? Of(IReadOnlyList<string> disks)
    {
        if (Chosen is null && IncludesLater) return null;
        var chosen = Chosen ?? Known;
        return [.. disks.Where(disk => chosen.Contains(disk) || IncludesLater && !Known.Contains(disk))];
    }
}

/// <summary>The protection of one server. A server has at most one.</summary>
public sealed class Plan
{
    const string WasRecovered = "it came back with the recovery of a lost system: enable it when nothing else protects this server";
    const string ServerIsGone = "the server is not there any more; its points stay, and can be restored to new";

    Plan() { }

    public Plan(PlanId id, ProjectId project, ServerRef server, string serverName, PolicyId policy, LocationId location,
        VolumeChoice volumes,
        string note, DateTimeOffset now)
    {
        (Id, Project, Region, ServerId, ServerName) = (id, project, server.Region, server.Id, serverName);
        (Policy, Location, Volumes, Note, IsEnabled) = (policy, location, volumes, note, true);
        (Since, PolicyChangedAt, LookAt, RetentionAt, Version) = (now, now, now, now, 1);
    }

    public PlanId Id { get; private set; }
    public long Version { get; private set; }
    public ProjectId Project { get; private set; }
    public string Region { get; private set; } = "";
    public string ServerId { get; private set; } = "";
    public string ServerName { get; private set; } = "";
    public PolicyId Policy { get; private set; }

    /// <summary>Of new points. Old ones stay where they are.</summary>
    public LocationId Location { get; private set; }
    public VolumeChoice Volumes { get; private set; } = VolumeChoice.All;
    public string Note { get; private set; } = "";

    /// <summary>Whether it runs by itself. Points that are there stay either way.</summary>
    public bool IsEnabled { get; private set; }

    /// <summary>Why it does not run though it is enabled; null when nothing keeps it.</summary>
    public string? PausedBecause { get; private set; }

    /// <summary>It is of a system that was lost. Nobody has said yet that the other one is gone: so it neither runs nor lets points
    /// go.</summary>
    public bool IsRecovered { get; private set; }

    /// <summary>Why nothing is backed up by it; null when nothing keeps it.</summary>
    public string? Obstacle => IsRecovered ? WasRecovered : PausedBecause;

    /// <summary>What was due until then does not matter any more.</summary>
    public DateTimeOffset Since { get; private set; }
    public DateTimeOffset PolicyChangedAt { get; private set; }

    /// <summary>When something may be due.</summary>
    public DateTimeOffset LookAt { get; private set; }

    /// <summary>When points may have to go; null when nothing changes by itself.</summary>
    public DateTimeOffset? RetentionAt { get; private set; }

    public ServerRef Server => new(Region, ServerId);

    /// <summary>As it was declared in a system that was lost, and disabled.</summary>
    public static Plan Recovered(DeclaredPlan saved, ProjectId project, PolicyId policy, LocationId location, DateTimeOffset now) =>
        new(saved.Plan, project, saved.Server, saved.ServerName, policy, location, saved.Volumes, saved.Note, now)
        { IsEnabled = false, IsRecovered = true };

    public void UsesPolicy(PolicyId policy, DateTimeOffset now)
    {
        if (policy == Policy) return;
        Policy = policy;
        PolicyChanged(now);
    }

    /// <summary>From now on the new rules say what is due; what they let go stays a minute longer.</summary>
    public void PolicyChanged(DateTimeOffset now)
    {
        (Since, PolicyChangedAt, LookAt) = (now, now, now);
        RetentionIsDue(now + Retention.ChangeDelay.ToTimeSpan());
        Version++;
    }

    public void UsesLocation(LocationId location)
    {
        Location = location;
        Version++;
    }

    public void Includes(VolumeChoice volumes)
    {
        Volumes = volumes;
        Version++;
    }

    public void IsNoted(string note)
    {
        Note = note;
        Version++;
    }

    public void Enable(DateTimeOffset now)
    {
        if (IsEnabled) return;
        (IsEnabled, Since, LookAt) = (true, now, now);
        if (IsRecovered) RetentionIsDue(now + Retention.ChangeDelay.ToTimeSpan());
        IsRecovered = false;
        Version++;
    }

    public void Disable()
    {
        if (!IsEnabled) return;
        IsEnabled = false;
        Version++;
    }

    public void LostServer()
    {
        PausedBecause = ServerIsGone;
        Version++;
    }

    /// <summary>It is there, or there again: what was due while it was away does not matter any more.</summary>
    public void SeesServer(string name, DateTimeOffset now)
    {
        if (PausedBecause is null && name == ServerName) return;
        if (PausedBecause is not null) (PausedBecause, Since, LookAt) = (null, now, now);
        ServerName = name;
        Version++;
    }

    public void LooksAgainAt(DateTimeOffset at) => LookAt = at;

    /// <summary>A run is over, or a point has come or gone: what is due, and what is kept, may be another.</summary>
    public void HasNews(DateTimeOffset now)
    {
        if (LookAt > now) LookAt = now;
        RetentionIsDue(now);
    }

    public void RetentionLooksAgainAt(DateTimeOffset? at) => RetentionAt = at;

    void RetentionIsDue(DateTimeOffset at)
    {
        if (RetentionAt is null || RetentionAt > at) RetentionAt = at;
    }
}
