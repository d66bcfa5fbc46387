using VBackup.Contracts.Messages;
using VBackup.Portal.Plans;
using VBackup.Portal.Snapshots;

namespace VBackup.Portal.Web.Parts;

/// <summary>How a state is shown.</summary>
/// <param name="Tone">A class of the style sheet: <c>good</c>, <c>busy</c>, <c>odd</c>, <c>bad</c> or <c>calm</c>.</param>
public sealed record Look(string Word, string Tone)
{
    public static Look Of(RunState state) => state switch
    {
        RunState.Waiting => new("Waiting", "busy"),
        RunState.Snapshotting => new("Taking the snapshot", "busy"),
        RunState.Transferring => new("Transferring", "busy"),
        RunState.Committing => new("Finishing", "busy"),
        RunState.Succeeded => new("Succeeded", "good"),
        RunState.Failed => new("Failed", "bad"),
        RunState.Cancelled => new("Cancelled", "calm"),
        RunState.WindowClosed => new("Window closed", "odd"),
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, "not a state"),
    };

    public static Look Of(RestorePointState state) => state switch
    {
        RestorePointState.Creating => new("Being made", "busy"),
        RestorePointState.Active => new("Restorable", "good"),
        RestorePointState.Failed => new("Failed", "bad"),
        RestorePointState.SoftDeleted => new("In the bin", "odd"),
        RestorePointState.Deleted => new("Deleted", "calm"),
        RestorePointState.Erased => new("Key erased", "bad"),
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, "not a state"),
    };

    public static Look Of(LocationStateView state) => state switch
    {
        LocationStateView.Checking => new("Being tried", "busy"),
        LocationStateView.Ready => new("Ready", "good"),
        LocationStateView.Refused => new("Refused", "bad"),
        _ => throw new ArgumentOutOfRangeException(nameof(state), state, "not a state"),
    };

    public static Look Of(SnapshotView snapshot) => snapshot.IsRollingBack ? new("Rolling back", "busy") : snapshot.State switch
    {
        SnapshotState.Taking => new("Being taken", "busy"),
        SnapshotState.Ready => new("Ready", "good"),
        SnapshotState.Base => new("Base of the next backup", "calm"),
        SnapshotState.Removing => new("Being deleted", "busy"),
        SnapshotState.Removed => new("Deleted", "calm"),
        SnapshotState.Failed => new("Failed", "bad"),
        _ => throw new ArgumentOutOfRangeException(nameof(snapshot), snapshot.State, "not a state"),
    };

    public static Look Of(PlanView plan) => plan switch
    {
        { PausedBecause: not null } => new("Paused", "bad"),
        { IsEnabled: false } => new("Off", "odd"),
        _ => new("On", "good"),
    };

    /// <param name="state">As the region tells it.</param>
    public static Look OfServer(string state, bool isGone) => (state, isGone) switch
    {
        (_, true) => new("Gone", "bad"),
        ("running", _) => new("Running", "good"),
        ("shutdown", _) => new("Shut down", "calm"),
        ("paused", _) => new("Paused", "odd"),
        _ => new("Other", "calm"),
    };
}
