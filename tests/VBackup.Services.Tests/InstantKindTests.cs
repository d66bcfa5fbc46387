using Microsoft.Extensions.Time.Testing;
using VBackup.Clouds.Lab;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Edge.Running;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>How the volumes of a server were caught, and how far they are apart at most, is known of every instant.</summary>
public sealed class InstantKindTests : IDisposable
{
    static readonly TimeSpan s_taking = TimeSpan.FromSeconds(0.25);
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-instants-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1, true, true, "single", 0)]
    [InlineData(2, true, true, "group", 0)]
    // Nobody writes to it.
    [InlineData(2, false, false, "group", 0)]
    [InlineData(2, false, true, "frozen", 0.25)]
    public async Task It_says_how_it_was_taken_and_bounds_the_skew(
        int disks, bool storageHoldsStill, bool runs, string kind, double skewSeconds)
    {
        foreach (var folder in (string[])["volumes", "servers"]) Directory.CreateDirectory(Path.Combine(_folder, folder));
        var lab = LabCloud.Open(_folder);
        var clock = new FakeTimeProvider();
        VolumeId[] volumes = [.. Enumerable.Range(0, disks).Select(number => new VolumeId($"web-{number}"))];
        foreach (var volume in volumes) await lab.Storage.CreateAsync(volume, 4096, null, default);
        var server = await lab.Hypervisor.DeclareAsync("web",
            [.. volumes.Select((volume, number) => new ServerDisk($"disk-{number}", volume))], default);
        if (runs) await lab.Hypervisor.StartAsync("web", default);
        var snapshots = RefusingStorage.Of(lab.Storage.Snapshots, call => call switch
        {
            nameof(IVolumeSnapshots.HoldsStillAsync) => Task.FromResult(storageHoldsStill),
            nameof(IVolumeSnapshots.PrepareAsync) => Task.FromResult<IPreparedInstant>(
                new SlowInstant(lab.Storage.Snapshots, volumes, clock)),
            _ => null,
        });
        var storage = RefusingStorage.Of(lab.Storage, call => call == "get_Snapshots" ? snapshots : null);
        await using var cloud = EdgeCloud.Of(lab.Hypervisor, storage, (_, _) => Task.FromResult(new ServerHold(null,
            _ => Task.FromResult(true), () => Task.FromResult(new ServerHold.LetGo(s_taking)))), clock);

        var taken = await InstantTaking.TakeAsync(cloud, server, SlowInstant.Name, [], new NotedReport(), default);
        Assert.Equal((kind, skewSeconds), (taken.Kind, taken.SkewSeconds));
        Assert.Equal(runs ? "filesystem" : "crash", taken.Consistency);
    }

    [Fact]
    public void A_bound_is_never_rounded_down()
    {
        var instant = new Instant(SlowInstant.Name, InstantKind.Group, default, [], true);
        var taken = new TakenInstant(instant, "crash", null, ServerState.Running, InstantKinds.Frozen, TimeSpan.FromSeconds(0.12341));
        Assert.Equal(0.1235, taken.SkewSeconds);
    }

    /// <summary>Takes its time, and needs some more to be there in full.</summary>
    sealed class SlowInstant(IVolumeSnapshots snapshots, VolumeId[] volumes, FakeTimeProvider clock) : IPreparedInstant
    {
        public const string Name = "instant-1";

        public Task TakeAsync(CancellationToken cancellation)
        {
            clock.Advance(s_taking);
            return Task.CompletedTask;
        }

        public Task<Instant> FinishAsync(CancellationToken cancellation)
        {
            clock.Advance(s_taking);
            return snapshots.TakeAsync(Name, volumes, cancellation);
        }
    }
}
