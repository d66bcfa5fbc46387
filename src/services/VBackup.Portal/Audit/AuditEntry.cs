using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Audit;

[JsonConverter(typeof(EnumNameConverter<AuditOutcome>))]
public enum AuditOutcome
{
    [JsonStringEnumMemberName("done")] Done = 0,
    /// <summary>Asked for, and not done.</summary>
    [JsonStringEnumMemberName("refused")] Refused = 1,
}

/// <summary>Somebody changed something. It is written in the change's own transaction, and never altered.</summary>
public sealed class AuditEntry
{
    AuditEntry() { }

    public AuditEntry(AuditEntryId id, DateTimeOffset at, ProjectId? project, UserId? user, string who, string action, string target,
        AuditOutcome outcome, string address)
    {
        (Id, At, Project, User, Who) = (id, at, project, user, who);
        (Action, Target, Outcome, Address) = (action, target, outcome, address);
    }

    /// <summary>Sorts by time.</summary>
    public AuditEntryId Id { get; private set; }
    public DateTimeOffset At { get; private set; }

    /// <summary>Null for what concerns the whole system.</summary>
    public ProjectId? Project { get; private set; }

    /// <summary>Null where nobody is known: a failed sign-in.</summary>
    public UserId? User { get; private set; }

    /// <summary>The user's name as it was then, or the one that was tried.</summary>
    public string Who { get; private set; } = "";

    /// <summary>Such as <c>createToken</c>.</summary>
    public string Action { get; private set; } = "";

    /// <summary>What was changed: its kind and its name or id.</summary>
    public string Target { get; private set; } = "";
    public AuditOutcome Outcome { get; private set; }

    /// <summary>Where the request came from.</summary>
    public string Address { get; private set; } = "";
}
