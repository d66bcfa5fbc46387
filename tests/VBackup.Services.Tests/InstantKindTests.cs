using Microsoft.Extensions.Time.Testing;
using VBackup.Clouds;
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
    VolumeId[] _volumes = [];
    Server _server = null!;
    Func<LabHypervisor, Task> _whileTaking = _ => Task.CompletedTask;
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
        await using var cloud = await OpenAsync(disks, storageHoldsStill, runs, () => true);
        var taken = await TakeAsync(cloud);
        Assert.Equal((kind, skewSeconds), (taken.Kind, taken.SkewSeconds));
        Assert.Equal(runs ? "filesystem" : "crash", taken.Consistency);
    }

    [Fact]
    public async Task A_guest_that_went_on_before_all_volumes_were_taken_is_caught_again()
    {
        var attempts = 0;
        await using var cloud = await OpenAsync(disks: 2, storageHoldsStill: false, runs: true, () => attempts++ > 0);
        var report = new NotedReport();
        var taken = await TakeAsync(cloud, report);
        Assert.Equal((2, "frozen", "filesystem"), (attempts, taken.Kind, taken.Consistency));
        Assert.Contains(report.Notes, note => note.StartsWith("the guest was let go before", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Volumes_of_no_one_instant_are_no_snapshot_and_nothing_is_left_of_them()
    {
        await using var cloud = await OpenAsync(disks: 2, storageHoldsStill: false, runs: true, () => false);
        var failure = await Assert.ThrowsAsync<CloudException>(() => TakeAsync(cloud));
        Assert.Contains("of no one instant", failure.Message, StringComparison.Ordinal);
        Assert.Empty(await cloud.Storage.Snapshots.ListAsync(_volumes, default));
    }

    [Fact]
    public async Task A_server_that_was_started_in_between_is_caught_again()
    {
        var attempts = 0;
        _whileTaking = hypervisor => attempts++ == 0 ? hypervisor.StartAsync("web", default) : Task.CompletedTask;
        await using var cloud = await OpenAsync(disks: 2, storageHoldsStill: false, runs: false, () => true);
        var taken = await TakeAsync(cloud);
        Assert.Equal((2, "frozen", ServerState.Running), (attempts, taken.Kind, taken.State));
    }

    // Whoever stops all writers at one instant does not need the guest.
    [Fact]
    public async Task A_guest_that_went_on_too_early_is_crash_consistent_where_the_storage_holds_all_volumes()
    {
        await using var cloud = await OpenAsync(disks: 2, storageHoldsStill: true, runs: true, () => false);
        var taken = await TakeAsync(cloud);
        Assert.Equal(("group", "crash"), (taken.Kind, taken.Consistency));
    }

    async Task<EdgeCloud> OpenAsync(int disks, bool storageHoldsStill, bool runs, Func<bool> wasStillFrozen)
    {
        foreach (var folder in (string[])["volumes", "servers"]) Directory.CreateDirectory(Path.Combine(_folder, folder));
        var lab = LabCloud.Open(_folder);
        var clock = new FakeTimeProvider();
        _volumes = [.. Enumerable.Range(0, disks).Select(number => new VolumeId($"web-{number}"))];
        foreach (var volume in _volumes) await lab.Storage.CreateAsync(volume, 4096, null, default);
        _server = await lab.Hypervisor.DeclareAsync("web",
            [.. _volumes.Select((volume, number) => new ServerDisk($"disk-{number}", volume))], default);
        if (runs) await lab.Hypervisor.StartAsync("web", default);
        var snapshots = RefusingStorage.Of(lab.Storage.Snapshots, call => call switch
        {
            nameof(IVolumeSnapshots.HoldsStillAsync) => Task.FromResult(storageHoldsStill),
            nameof(IVolumeSnapshots.PrepareAsync) => Task.FromResult<IPreparedInstant>(
                new SlowInstant(lab.Storage.Snapshots, _volumes, clock, () => _whileTaking(lab.Hypervisor))),
            _ => null,
        });
        var storage = RefusingStorage.Of(lab.Storage, call => call == "get_Snapshots" ? snapshots : null);
        return EdgeCloud.Of(lab.Hypervisor, storage, (_, _) => Task.FromResult(new ServerHold(null,
            _ => Task.FromResult(wasStillFrozen()), () => Task.FromResult(new ServerHold.LetGo(s_taking)))), clock);
    }

    Task<TakenInstant> TakeAsync(EdgeCloud cloud, IRunReport? report = null) =>
        InstantTaking.TakeAsync(cloud, _server, SlowInstant.Name, [], report ?? new NotedReport(), default);

    [Fact]
    public void A_bound_is_never_rounded_down()
    {
        var instant = new Instant(SlowInstant.Name, InstantKind.Group, default, [], true);
        var taken = new TakenInstant(instant, "crash", null, ServerState.Running, InstantKinds.Frozen, TimeSpan.FromSeconds(0.12341));
        Assert.Equal(0.1235, taken.SkewSeconds);
    }

    /// <summary>Takes its time, and needs some more to be there in full.</summary>
    sealed class SlowInstant(
        IVolumeSnapshots snapshots, VolumeId[] volumes, FakeTimeProvider clock, Func<Task> whileTaking) : IPreparedInstant
    {
        public const string Name = "instant-1";

        public Task TakeAsync(CancellationToken cancellation)
        {
            clock.Advance(s_taking);
            return whileTaking();
        }

        public Task<Instant> FinishAsync(CancellationToken cancellation)
        {
            clock.Advance(s_taking);
            return snapshots.TakeAsync(Name, volumes, cancellation);
        }
    }
}
