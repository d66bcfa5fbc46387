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
        Assert.Contains(Name, Assert.Single(report.Notes), StringComparison.Ordinal);
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

    static async Task<NotedReport> RemoveAsync(DeafSnapshots storage, bool isPatient)
    {
        var report = new NotedReport();
        await FailedSnapshot.RemoveAsync(storage, Name, [new("rbd/web")], report, isPatient, new RushingClock());
        return report;
    }

    sealed class DeafSnapshots(int deafTimes) : IVolumeSnapshots
    {
        public int Tries { get; private set; }

        public Task RemoveAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) => Tries++ < deafTimes
            ? throw new CloudException(CloudFailure.TimedOut, "remove", name, "no answer") : Task.CompletedTask;

        public Task<Instant> TakeAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task<IReadOnlyList<Instant>> ListAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task<IVolumeReader> OpenAsync(string name, VolumeId volume, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task<ChangeAnswer> FindChangesAsync(VolumeId volume, string fromInstant, string toInstant, CancellationToken cancellation) =>
            throw new NotSupportedException();

        public Task RollBackAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
            throw new NotSupportedException();
    }
}
