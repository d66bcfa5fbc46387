using System.Globalization;
using System.Security.Cryptography;
using VBackup.Cli.Terminal;
using VBackup.Clouds;
using VBackup.Clouds.Servers;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Edge.Restores;
using VBackup.Edge.Running;
using VBackup.Vault.Format;

namespace VBackup.Cli.Edge;

/// <summary>
/// Rewrites a server's own volumes: the server stands still, the pool has room for what the safety snapshot keeps, a safety
/// snapshot is taken, only what differs is written, everything is read back. Change tracking starts anew afterwards.
/// </summary>
sealed class InPlaceRestore
{
    const string SafetyPrefix = "safety-";
    static readonly TimeSpan s_stopPatience = TimeSpan.FromMinutes(2);

    readonly EdgeCloud _cloud;
    readonly Server _server;
    readonly InPlaceWriting _writing;
    readonly IReadOnlyList<string> _instants;
    readonly string _config;
    readonly Screen _screen;
    readonly string _safety = string.Create(CultureInfo.InvariantCulture,
        $"{SafetyPrefix}{TimeProvider.System.GetUtcNow():yyyyMMdd-HHmmss}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");
    bool _isSafe, _wasStopped;

    // What an earlier restore has left half written is so in the new safety snapshot, too.
    string? _earlierSafety;

    InPlaceRestore(
        EdgeCloud cloud, Server server, InPlaceWriting writing, IReadOnlyList<string> instants, string config, Screen screen) =>
        (_cloud, _server, _writing, _instants, _config, _screen) = (cloud, server, writing, instants, config, screen);

    string Release => Command("release", _safety);

    // To be typed as it stands, by somebody in a hurry.
    string Command(string verb, string snapshot) => $"'vbackup edge snapshots {verb} {snapshot} --cloud {ShellWord.Of(_config)} "
        + $"--server {ShellWord.Of(_server.Name)}'";

    /// <returns>What was restored.</returns>
    public static async Task<string> RunAsync(EdgeCloud cloud, VolumeRestore restore, EdgeDocument edge, string point,
        IReadOnlyList<VolumeDocument> volumes, IReadOnlyList<string> instants, ServerRestoreOrder order, Screen screen,
        CancellationToken cancellation)
    {
        var server = await cloud.FindServerAsync(edge.ServerId, cancellation).ConfigureAwait(false)
            ?? throw new RefusedException($"the server {edge.Server} is gone: restore --to new-server");
        var writing = await InPlaceWriting.CheckAsync(cloud, server, edge, volumes, cancellation).ConfigureAwait(false);
        if (server.State is not ServerState.Shutdown && !order.Stops)
            throw new RefusedException($"server {server.Name} runs: stop it, or give --stop");
        var run = new InPlaceRestore(cloud, server, writing, instants, order.Config, screen);
        var unfinished = await UnfinishedRestores.FindAsync(cloud.Storage, writing.Volumes, cancellation).ConfigureAwait(false);
        if (unfinished.Count > 0) screen.Note($"{UnfinishedRestores.Describe(unfinished)}: this one takes its place");
        run._earlierSafety = unfinished.Select(one => one.Note.SafetySnapshot).FirstOrDefault(name => name is not null);
        await run.RunAsync(restore, point, cancellation).ConfigureAwait(false);
        // What a roll back went back to is nobody's safety snapshot.
        if (run._earlierSafety is { } earlier && unfinished.All(one => one.Note.NewestWhole is null))
            screen.Line($"the snapshot {earlier} has volumes as they were before the restore that did not end: it can be released, too");
        screen.Line($"the snapshot {run._safety} has the volumes as they were: {run.Release} gives it up");
        await run.StartAgainAsync().ConfigureAwait(false);
        return $"server {server.Name}";
    }

    async Task RunAsync(VolumeRestore restore, string point, CancellationToken cancellation)
    {
        try
        {
            // What would keep the safety snapshot from being taken is known before the server is stopped for it.
            await ReduceToBasesAsync(cancellation).ConfigureAwait(false);
            await StopAsync(cancellation).ConfigureAwait(false);
            await _writing.ShutOutOthersAsync(cancellation).ConfigureAwait(false);
            await ReduceToBasesAsync(cancellation).ConfigureAwait(false);
            await TakeSafetyAsync(cancellation).ConfigureAwait(false);
            // From the first byte on, no backup may build on what was before.
            foreach (var old in _instants)
                await _cloud.Storage.Snapshots.RemoveAsync(old, _writing.Volumes, cancellation).ConfigureAwait(false);
            await _writing.WriteAsync(restore, point, _safety, cancellation).ConfigureAwait(false);
            // Between the last look and now another restore may have begun: the server does not start on what that one writes.
            if (_wasStopped) await _writing.RequireFreeAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            await ExplainAsync(failure).ConfigureAwait(false);
            if (_wasStopped) await ExplainStoppedAsync(failure).ConfigureAwait(false);
            throw;
        }
    }

    // Whoever was shut out may have left half of a disk, and whoever fails here may too: nobody starts the server on that.
    async Task ExplainAsync(Exception failure)
    {
        if (!_writing.HasBegun)
        {
            Aftermath.Add(failure, "this restore has overwritten nothing");
            if (_isSafe)
                Aftermath.Add(failure, $"the snapshot {_safety} is not needed: {Release} removes it");
        }
        else if (_writing.IsComplete)
        {
            Aftermath.Add(failure, $"everything is restored and was read back; the snapshot {_safety} has the volumes as they were");
        }
        else if (failure is CloudException { Failure: CloudFailure.InUse } && await _writing.MayBeAnothersAsync().ConfigureAwait(false))
        {
            // What the volumes hold now is another's; to roll back would undo it.
            Aftermath.Add(failure, $"somebody else has the volumes, and this restore writes nothing more; the snapshot {_safety} has "
                + "them as they were before it: "
                + $"if another restore has them, and once it has succeeded, {Release} gives it up");
        }
        else
        {
            var safety = _earlierSafety ?? _safety;
            Aftermath.Add(failure, $"the volumes are partly overwritten; the snapshot {safety} has them as they were: "
                + $"{Command("rollback", safety)} brings them back");
        }
    }

    // On what was not touched it may go on, unless another restore has begun to write there.
    async Task ExplainStoppedAsync(Exception failure)
    {
        var stopped = $"server {_server.Name} was stopped for this restore, and";
        try
        {
            if (_writing.HasBegun || failure is CloudException { Failure: CloudFailure.InUse }
                || await _writing.WasTakenOverAsync(CancellationToken.None).ConfigureAwait(false))
            {
                Aftermath.Add(failure, await StateAsync().ConfigureAwait(false) is (ServerState.Running or ServerState.Paused) and var state
                    ? $"{stopped} {(state == ServerState.Paused ? "is paused" : "runs")} by now: whoever took over, or somebody else, has "
                        + "started it"
                    : $"{stopped} is not started again by it");
                return;
            }
            Aftermath.Add(failure, await _cloud.Hypervisor.StartAsync(_server.Name, CancellationToken.None).ConfigureAwait(false)
                ? $"{stopped} was started again" : $"{stopped} is on already: {await TellOnAsync().ConfigureAwait(false)}");
        }
        catch (CloudException second)
        {
            Aftermath.Add(failure, $"{stopped} could not be started again ({second.Message}): its volumes are as they were, start it");
        }
    }

    // It was shut down for the restore.
    async Task<string> TellOnAsync()
    {
        var how = await StateAsync().ConfigureAwait(false) switch
        {
            ServerState.Running => "it runs",
            ServerState.Paused => "it is paused",
            _ => "how it is now is not known",
        };
        return $"somebody has started it ({how}), and it was not touched";
    }

    /// <returns>Null where it is not known.</returns>
    async Task<ServerState?> StateAsync()
    {
        try
        {
            return (await _cloud.Hypervisor.FindAsync(_server.Name, CancellationToken.None).ConfigureAwait(false))?.State;
        }
        catch (CloudException)
        {
            // A hypervisor that does not answer has said nothing.
            return null;
        }
    }

    async Task StopAsync(CancellationToken cancellation)
    {
        if (_server.State is ServerState.Shutdown) return;
        try
        {
            await _cloud.Hypervisor.StopAsync(_server.Name, s_stopPatience, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            Aftermath.Add(failure, $"server {_server.Name} was told to stop, and may be off");
            throw;
        }
        _wasStopped = true;
    }

    // All is restored: whoever has enough now still gets a server that runs. One that was paused ran, too: what its memory held
    // does not go with these disks.
    async Task StartAgainAsync()
    {
        if (!_wasStopped) return;
        try
        {
            if (!await _cloud.Hypervisor.StartAsync(_server.Name, CancellationToken.None).ConfigureAwait(false))
                _screen.Note($"server {_server.Name} is on already: {await TellOnAsync().ConfigureAwait(false)}");
        }
        catch (CloudException failure)
        {
            Aftermath.Add(failure, $"everything is restored; only server {_server.Name} could not be started again");
            throw;
        }
    }

    Task ReduceToBasesAsync(CancellationToken cancellation) =>
        _cloud.Storage.Snapshots.ReduceToBasesAsync(_instants, _writing.Volumes, cancellation);

    async Task TakeSafetyAsync(CancellationToken cancellation)
    {
        try
        {
            await _cloud.Storage.Snapshots.TakeAsync(_safety, _writing.Volumes, cancellation).ConfigureAwait(false);
            _isSafe = true;
        }
        catch (Exception failure)
        {
            try
            {
                await FailedSnapshot.RemoveAsync(_cloud.Storage.Snapshots, _safety, _writing.Volumes, failure, _screen, _cloud.Clock,
                    cancellation).ConfigureAwait(false);
            }
            catch (CloudException second)
            {
                Aftermath.Add(failure, $"what there is of the snapshot {_safety} could not be removed "
                    + $"({second.Message}): once the storage answers, {Release} does so");
            }
            throw;
        }
    }
}
