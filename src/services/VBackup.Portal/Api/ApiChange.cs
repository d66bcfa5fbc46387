using System.Text.Json.Serialization.Metadata;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Portal.Audit;
using VBackup.Primitives;

namespace VBackup.Portal.Api;

/// <summary>A change that somebody asks for: its rows, its messages and its line in the audit are saved together, or not at all.</summary>
public sealed class ApiChange(Change<PortalDb> change, Asker asker)
{
    readonly List<AuditEntry> _audited = [];
    bool _leavesAll;

    /// <summary>For use cases that not only requests have.</summary>
    internal Change<PortalDb> Change => change;

    public PortalDb Db => change.Db;

    public DateTimeOffset Now => change.Now;

    public CancellationToken Cancellation => asker.Cancellation;

    /// <summary>REQUIRES: not everybody may ask for it.</summary>
    public Caller Caller => asker.Caller ?? throw new InvalidOperationException($"{asker.What} asked who calls, and is open to everybody.");

    public TId NewId<TId>() where TId : struct, IUniqueId<TId> => change.NewId<TId>();

    public void Send<TMessage>(string to, TMessage message, JsonTypeInfo<TMessage> type, DateTimeOffset? notAfter = null)
        where TMessage : class, IMessage => change.Send(to, message, type, notAfter);

    /// <summary>Notes what the caller did, in his project.</summary>
    /// <param name="action">Such as <c>createToken</c>.</param>
    /// <param name="target">The thing's kind and its name or id.</param>
    public void Audit(string action, string target)
    {
        var caller = Caller;
        Audit(caller.Project, caller.User, caller.UserName, action, target, AuditOutcome.Done);
    }

    /// <summary>Notes what was done, or refused, where the caller's token does not say it all.</summary>
    public void Audit(ProjectId? project, UserId? user, string who, string action, string target, AuditOutcome outcome) =>
        _audited.Add(new(NewId<AuditEntryId>(), Now, project, user, who, action, target, outcome, asker.Address));

    /// <summary>Says that nothing is to be changed after all, so that there is nothing to audit.</summary>
    public void LeaveAll() => _leavesAll = true;

    /// <summary>Puts the audit's lines beside what was changed; after a refusal, in its place.</summary>
    internal void Close(bool isRefused)
    {
        if (isRefused || _leavesAll) Db.ChangeTracker.Clear();
        else if (_audited.Count == 0)
            throw new InvalidOperationException($"{asker.What} left no line in the audit.");
        Db.AddRange(_audited.Where(line => line.Outcome == (isRefused ? AuditOutcome.Refused : AuditOutcome.Done)));
    }
}
