using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Tests;

public abstract partial class VolumeStorageConformance
{
    /// <summary>Makes what has a claim into what a process leaves that died just before the volume got its name.</summary>
    protected virtual Task TakeNameAwayAsync(VolumeId volume, string claim)
    {
        Assert.Skip("no way is known to take a volume's name away here");
        return Task.CompletedTask;
    }

    /// <summary>Makes a volume as somebody does who knows nothing of claims.</summary>
    protected virtual Task MakeByHandAsync(VolumeId volume) => Storage.CreateAsync(volume, Length, Token);

    [Fact]
    public async Task A_volume_that_is_made_with_a_claim_has_it_when_it_has_its_name()
    {
        var volume = Volume("claimed");
        await Storage.CreateAsync(volume, Length, "run-1-new", Token);
        await using var other = await OpenAsync();
        Assert.Equal("run-1-new", await other.FindClaimAsync(volume, Token));
        Assert.Equal(CloudFailure.Exists, await FailureOf(() => other.CreateAsync(volume, Length, "other-1-new", Token)));
        Assert.Equal("run-1-new", await other.FindClaimAsync(volume, Token));
        AssertSame(new byte[Length], await ReadAsync(volume));

        // Its maker takes it over, or whoever is quicker.
        WriterOptions options = new() { TakesOver = true, Claim = "run-1", Seen = new("run-1-new") };
        await using (await Storage.OpenWriterAsync(volume, options, Token)) { }
        Assert.Equal("run-1", await other.FindClaimAsync(volume, Token));
        Assert.Equal(CloudFailure.InUse, await FailureOf(() => other.OpenWriterAsync(volume, options, Token)));

        await Storage.RemoveAsync(volume, Token);
        await Storage.CreateAsync(volume, Length, Token);
        Assert.Null(await other.FindClaimAsync(volume, Token));
    }

    [Fact]
    public async Task A_volume_is_removed_by_its_claim_and_not_once_another_has_taken_it_over()
    {
        var volume = Volume("claimed");
        await using var other = await OpenAsync();
        Assert.False(await Storage.RemoveClaimedAsync(volume, ["run-1"], Token));
        await Storage.CreateAsync(volume, Length, "run-1-new", Token);
        Assert.False(await Storage.RemoveClaimedAsync(volume, ["run-1", "run-2"], Token));
        await using (await other.OpenWriterAsync(volume, new() { TakesOver = true, Claim = "run-2" }, Token)) { }
        Assert.False(await Storage.RemoveClaimedAsync(volume, ["run-1", "run-1-new"], Token));
        Assert.Equal(("run-2", (long?)Length), (await other.FindClaimAsync(volume, Token), await other.FindLengthAsync(volume, Token)));

        Assert.True(await Storage.RemoveClaimedAsync(volume, ["run-1", "run-2"], Token));
        Assert.Null(await other.FindLengthAsync(volume, Token));
        Assert.False(await Storage.RemoveClaimedAsync(volume, ["run-2"], Token));
        await Storage.CreateAsync(volume, Length, Token);
        Assert.False(await Storage.RemoveClaimedAsync(volume, ["run-2"], Token));
    }

    [Fact]
    public async Task Whoever_died_before_a_volume_had_its_name_has_claimed_nothing_that_gets_it_later()
    {
        var volume = Volume("unnamed");
        await LeaveUnnamedAsync(volume, "run-1-new");
        Assert.Null(await Storage.FindLengthAsync(volume, Token));
        Assert.Null(await Storage.FindClaimAsync(volume, Token));
        await MakeByHandAsync(volume);
        Assert.Null(await Storage.FindClaimAsync(volume, Token));
        Assert.False(await Storage.RemoveUnfinishedAsync(volume, "run", Token));
        Assert.Equal(CloudFailure.Exists, await FailureOf(() => Storage.CreateAsync(volume, Length, "run-2-new", Token)));
        Assert.Null(await Storage.FindClaimAsync(volume, Token));
    }

    [Theory]
    [InlineData("run-2-new")]
    [InlineData("other-1-new")]
    [InlineData(null)]
    public async Task Whoever_died_before_a_volume_had_its_name_is_in_nobodys_way(string? next)
    {
        var volume = Volume("unnamed");
        await LeaveUnnamedAsync(volume, "run-1-new");
        await Storage.CreateAsync(volume, Length, next, Token);
        Assert.Equal(next, await Storage.FindClaimAsync(volume, Token));
        AssertSame(new byte[Length], await ReadAsync(volume));
    }

    [Fact]
    public async Task What_was_left_before_a_volume_had_its_name_can_be_removed_and_what_has_one_is_not_touched()
    {
        var volume = Volume("unnamed");
        await LeaveUnnamedAsync(volume, "run-1-new");
        Assert.True(await Storage.RemoveUnfinishedAsync(volume, "run", Token));
        Assert.False(await Storage.RemoveUnfinishedAsync(volume, "run", Token));
        await Storage.CreateAsync(volume, Length, "run-2-new", Token);
        Assert.False(await Storage.RemoveUnfinishedAsync(volume, "run", Token));
        Assert.Equal(("run-2-new", (long?)Length),
            (await Storage.FindClaimAsync(volume, Token), await Storage.FindLengthAsync(volume, Token)));
    }

    protected async Task LeaveUnnamedAsync(VolumeId volume, string claim)
    {
        await Storage.CreateAsync(volume, Length, claim, Token);
        await TakeNameAwayAsync(volume, claim);
    }
}
