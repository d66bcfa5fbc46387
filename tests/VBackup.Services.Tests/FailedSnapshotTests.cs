using VBackup.Clouds;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Backups;
using VBackup.Edge.Running;
using VBackup.Vault.Stores.Tests;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>What a failed run left is removed as soon as the storage answers again.</summary>
public sealed class FailedSnapshotTests
{
    const string Name = "vb-20260329-013000-0123abcd-89abcdef";

    [Fact]
    public async Task A_removal_that_gets_no_answer_is_tried_again_and_told_of_once()
    {
        var storage = new DeafSnapshots(deafTimes: 3);
        var report = await RemoveAsync(storage, isPatient: true);
        Assert.Equal(4, storage.Tries);
        Assert.Equal(2, report.Notes.Count);
        Assert.All(report.Notes, note => Assert.Contains(Name, note, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_the_run_failed_at_is_told_before_the_removal_is_tried()
    {
        var report = new NotedReport();
        List<string> toldBefore = [];
        var storage = new DeafSnapshots(deafTimes: 0) { OnTry = () => toldBefore.AddRange(report.Notes) };
        await RemoveAsync(storage, isPatient: true, report);
        Assert.Contains("the bucket is gone", Assert.Single(toldBefore), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_first_try_that_takes_longer_than_the_patience_is_not_the_last()
    {
        var clock = new RushingClock();
        var storage = new DeafSnapshots(deafTimes: 1) { Wait = () => Task.Delay(TimeSpan.FromMinutes(3), clock) };
        await RemoveAsync(storage, isPatient: true, clock: clock);
        Assert.Equal(2, storage.Tries);
    }

    [Fact]
    public async Task A_storage_that_stays_deaf_is_given_up()
    {
        var storage = new DeafSnapshots(deafTimes: int.MaxValue);
        await Assert.ThrowsAsync<CloudException>(() => RemoveAsync(storage, isPatient: true));
        // Every five seconds, for two minutes.
        Assert.Equal(25, storage.Tries);
    }

    [Fact]
    public async Task Whoever_stopped_the_run_does_not_wait_for_a_second_try()
    {
        var storage = new DeafSnapshots(deafTimes: 1);
        await Assert.ThrowsAsync<CloudException>(() => RemoveAsync(storage, isPatient: false));
        Assert.Equal(1, storage.Tries);
    }

    static async Task<NotedReport> RemoveAsync(
        DeafSnapshots storage, bool isPatient, NotedReport? report = null, TimeProvider? clock = null)
    {
        report ??= new();
        await FailedSnapshot.RemoveAsync(storage, Name, [new("rbd/web")], new IOException("the bucket is gone"), report,
            clock ?? new RushingClock(), stop: new(canceled: !isPatient));
        return report;
    }

    sealed class DeafSnapshots(int deafTimes) : IVolumeSnapshots
    {
        public int Tries { get; private set; }

        public Action? OnTry { get; init; }

        public Func<Task>? Wait { get; init; }

        public async Task RemoveAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation)
        {
            OnTry?.Invoke();
            if (Wait is not null) await Wait();
            if (Tries++ < deafTimes) throw new CloudException(CloudFailure.TimedOut, "remove", name, "no answer");
        }

        public Task<Instant> TakeAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task<IReadOnlyList<Instant>> ListAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task<IVolumeReader> OpenAsync(string name, VolumeId volume, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task<ChangeAnswer> FindChangesAsync(VolumeId volume, string fromInstant, string toInstant, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task RollBackAsync(
            string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation, RestoreNote? note = null) =>
            throw new NotSupportedException();
    }
}
