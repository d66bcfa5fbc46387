using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Messaging;

namespace VBackup.Services.Tests.Crashes;

/// <summary>The Portal: orders, and hears. Of each run it hears how it ended once: never in one way, and then in another.</summary>
sealed class Listener(CrashWorld world) : IMessageEndpoint
{
    readonly IMessageTransport _transport = world.Post.For(new("portal", FaultPlan.None, world.Tell));
    readonly List<Envelope> _orders = [];
    readonly Dictionary<RunId, RunChanged> _runs = [];
    readonly Dictionary<RestorePointId, PointChanged> _points = [];
    readonly Dictionary<SnapshotId, SnapshotChanged> _snapshots = [];
    readonly Dictionary<RunId, (RunState State, string? Error)> _ends = [];

    /// <summary>Orders that are still to be sent.</summary>
    public int Unsent => _orders.Count;

    public RunChanged? Run(RunId id) => _runs.GetValueOrDefault(id);

    public bool IsOver(RunId id) => _ends.ContainsKey(id);

    public PointChanged? Point(RestorePointId id) => _points.GetValueOrDefault(id);

    public IReadOnlyCollection<SnapshotChanged> Snapshots => _snapshots.Values;

    /// <param name="to">Null for the vBackup service.</param>
    public void Order<TMessage>(TMessage message, JsonTypeInfo<TMessage> type, string? to = null) where TMessage : class, IMessage
    {
        world.Tell($"portal orders {TMessage.Name}");
        _orders.Add(new(world.Ids.New<MessageId>(), to ?? Destination.Backup, TMessage.Name, JsonSerializer.Serialize(message, type),
            world.Clock.GetUtcNow(), null));
    }

    public async Task SendAsync()
    {
        foreach (var order in _orders.ToList())
        {
            try
            {
                await _transport.SendAsync(order, default);
            }
            catch (IOException)
            {
                continue;
            }
            _orders.Remove(order);
        }
    }

    public Task DeliverAsync(Envelope envelope, CancellationToken cancellation)
    {
        switch (envelope.Name)
        {
            case "run-changed":
                Hear(JsonSerializer.Deserialize(envelope.Body, MessageJson.Default.RunChanged)!);
                break;
            case "point-changed":
                var point = JsonSerializer.Deserialize(envelope.Body, MessageJson.Default.PointChanged)!;
                if (!_points.TryGetValue(point.Point, out var known) || known.Version < point.Version) _points[point.Point] = point;
                break;
            case "snapshot-changed":
                var snapshot = JsonSerializer.Deserialize(envelope.Body, MessageJson.Default.SnapshotChanged)!;
                if (!_snapshots.TryGetValue(snapshot.Snapshot, out var before) || before.Version < snapshot.Version)
                    _snapshots[snapshot.Snapshot] = snapshot;
                break;
        }
        return Task.CompletedTask;
    }

    void Hear(RunChanged run)
    {
        if (run.State >= RunState.Succeeded)
        {
            world.Tell($"portal hears: {run.Kind} {run.State}{(run.Error is null ? "" : $", {run.Error}")}");
            if (_ends.TryGetValue(run.Run, out var end) && end != (run.State, run.Error))
                world.Accuse($"a run ended as {end}, and then as {(run.State, run.Error)}");
            _ends[run.Run] = (run.State, run.Error);
        }
        if (!_runs.TryGetValue(run.Run, out var known) || known.Version < run.Version) _runs[run.Run] = run;
    }
}
