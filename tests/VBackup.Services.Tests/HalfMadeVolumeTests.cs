using VBackup.Clouds;
using VBackup.Clouds.Volumes;
using VBackup.Edge.Restores;
using VBackup.Edge.Running;
using VBackup.Services.Tests.World;
using VBackup.Vault.Stores.Tests;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A new volume that a failed restore leaves half made is removed as soon as the storage lets it be.</summary>
public sealed class HalfMadeVolumeTests
{
    static readonly VolumeId s_volume = new("rbd/new");
    readonly IOException _failure = new("the cluster hangs");
    readonly NotedReport _report = new();
    int _tries;

    [Theory]
    [InlineData(CloudFailure.TimedOut)]
    // The run's own client, whose opening got no answer, still watches it.
    [InlineData(CloudFailure.InUse)]
    public async Task It_is_tried_again_for_a_while(CloudFailure failure)
    {
        await RemoveAsync(failure, times: 3);
        Assert.Equal(4, _tries);
        Assert.Equal($"the incomplete {s_volume} was removed", Aftermath.Of(_failure));
        // Why, and that it takes a while.
        Assert.Equal(2, _report.Notes.Count);
        Assert.Contains("the cluster hangs", _report.Notes[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CloudFailure.TimedOut, 25, true)]
    [InlineData(CloudFailure.InUse, 25, true)]
    [InlineData(CloudFailure.NotAllowed, 1, false)]
    public async Task One_that_stays_is_left_to_somebody_who_waits_while_it_is_in_use(CloudFailure failure, int tries, bool waits)
    {
        await RemoveAsync(failure, times: int.MaxValue);
        Assert.Equal(tries, _tries);
        Assert.Contains("remove it by hand", Aftermath.Of(_failure), StringComparison.Ordinal);
        Assert.Equal(waits, Aftermath.Of(_failure)!.Contains("wait a minute or two", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Whoever_stopped_the_run_does_not_wait_for_a_second_try()
    {
        await RemoveAsync(CloudFailure.InUse, times: int.MaxValue, stop: new(canceled: true));
        Assert.Equal((1, 0), (_tries, _report.Notes.Count));
    }

    [Fact]
    public async Task What_another_attempt_has_begun_to_go_on_with_between_two_tries_is_left_to_it()
    {
        var isOvertaken = false;
        var attempt = new RunAttempt("run", epoch: 1, () => isOvertaken, _ => Task.CompletedTask);
        Assert.Equal([attempt.Claim, attempt.MakingClaim], attempt.Removable(isMade: true));
        Assert.Equal([attempt.Claim], attempt.Removable(isMade: false));
        await RemoveAsync(CloudFailure.InUse, times: int.MaxValue, attempt: attempt, isLeft: () =>
        {
            isOvertaken = _tries == 2;
            return !isOvertaken;
        });
        Assert.Equal((2, null), (_tries, Aftermath.Of(_failure)));
        Assert.Equal([attempt.MakingClaim], attempt.Removable(isMade: true));
        Assert.Empty(attempt.Removable(isMade: false));
    }

    [Fact]
    public async Task A_volume_whose_making_got_no_answer_is_told_of_and_not_removed()
    {
        var storage = RefusingStorage.Of((IVolumeStorage)null!, _ => throw NotNow(CloudFailure.TimedOut));
        var failure = await Assert.ThrowsAsync<CloudException>(() => HalfMadeVolumes.CreateAsync(storage, s_volume, 1, null, default));
        Assert.Contains($"whether there is a volume {s_volume} now is not known", Aftermath.Of(failure), StringComparison.Ordinal);
    }

    [Fact]
    public async Task So_is_one_whose_making_was_cancelled_and_cannot_be_called_back()
    {
        var storage = RefusingStorage.Of((IVolumeStorage)null!, _ => throw new LeftAloneException("create", s_volume.Value, default));
        var failure = await Assert.ThrowsAsync<LeftAloneException>(
            () => HalfMadeVolumes.CreateAsync(storage, s_volume, 1, null, default));
        Assert.Contains($"whether there is a volume {s_volume} now is not known", Aftermath.Of(failure), StringComparison.Ordinal);
    }

    async Task RemoveAsync(CloudFailure failure, int times, RunAttempt? attempt = null, Func<bool>? isLeft = null,
        CancellationToken stop = default)
    {
        var storage = RefusingStorage.Of((IVolumeStorage)null!, call => call switch
        {
            nameof(IVolumeStorage.RemoveClaimedAsync) => !isLeft!() ? Task.FromResult(false)
                : _tries++ < times ? throw NotNow(failure) : Task.FromResult(true),
            nameof(IVolumeStorage.RemoveAsync) => _tries++ < times ? throw NotNow(failure) : Task.CompletedTask,
            _ => throw new NotSupportedException(call),
        });
        var removal = new PatientRemoval(_report, new RushingClock(), stop);
        await new HalfMadeVolumes(storage, attempt, removal).RemoveAsync([new(s_volume, IsNew: true)], _failure);
    }

    static CloudException NotNow(CloudFailure failure) => new(failure, "remove", s_volume.Value, "not now");
}
