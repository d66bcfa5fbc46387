using VBackup.Clouds;
using VBackup.Clouds.Volumes;
using VBackup.Edge;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A list of servers leaves out what is none of ours, and hides no fault of the configuration.</summary>
public sealed class ListedVolumesTests
{
    static readonly VolumeId s_ours = new("web-vda"), s_others = new("web-vdb");

    [Theory]
    [InlineData(CloudFailure.LeftOut)]
    [InlineData(CloudFailure.NotSupported)]
    public async Task What_the_configuration_leaves_out_keeps_nobody_from_seeing_the_rest(CloudFailure failure)
    {
        await using var world = await WorldAsync(namesPlaces: true, failure, s_others);
        Assert.Equal([3, null], await SizesAsync(world));
    }

    [Fact]
    public async Task A_place_that_is_configured_and_may_not_be_used_is_a_failure()
    {
        await using var world = await WorldAsync(namesPlaces: true, CloudFailure.NotAllowed, s_others);
        await Assert.ThrowsAsync<CloudException>(() => SizesAsync(world));
    }

    [Fact]
    public async Task Where_no_place_is_configured_a_volume_that_may_not_be_used_is_anothers()
    {
        await using var world = await WorldAsync(namesPlaces: false, CloudFailure.NotAllowed, s_others);
        Assert.Equal([3, null], await SizesAsync(world));
    }

    [Fact]
    public async Task Credentials_that_may_look_at_nothing_at_all_are_a_failure()
    {
        await using var world = await WorldAsync(namesPlaces: false, CloudFailure.NotAllowed, s_ours, s_others);
        var failure = await Assert.ThrowsAsync<CloudException>(() => SizesAsync(world));
        Assert.Contains(s_ours.Value, failure.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<CloudException>(() => world.Worker.ReportServersAsync(default));
    }

    [Fact]
    public async Task A_storage_that_lets_nobody_in_is_a_failure_where_there_is_no_volume_at_all()
    {
        await using var world = await ServiceWorld.MakeAsync(storage: lab => RefusingStorage.Of(lab, call =>
            call == nameof(IVolumeStorage.RequireReachableAsync)
                ? throw new CloudException(CloudFailure.NotAllowed, "connect", "client.backup", "its key is wrong") : (object?)null));
        await Assert.ThrowsAsync<CloudException>(() => world.Worker.ReportServersAsync(default));
    }

    static async Task<ServiceWorld> WorldAsync(bool namesPlaces, CloudFailure failure, params VolumeId[] refused)
    {
        // The volumes are looked at in the order of the server's disks.
        var looks = 0;
        VolumeId[] order = [s_ours, s_others];
        var world = await ServiceWorld.MakeAsync(storage: lab => RefusingStorage.Of(lab, call => call switch
        {
            "get_" + nameof(IVolumeStorage.NamesPlaces) => namesPlaces,
            nameof(IVolumeStorage.FindSizeAsync) when order[looks++ % order.Length] is var volume && refused.Contains(volume)
                => throw new CloudException(failure, "open", volume.Value, "not to be looked at"),
            _ => null,
        }));
        await world.AddServerAsync("web", ("vda", [1, 2, 3]), ("vdb", [4, 5]));
        return world;
    }

    static async Task<long?[]> SizesAsync(ServiceWorld world)
    {
        var volumes = await ListedVolumes.BeginAsync(world.Cloud.Storage, default);
        List<long?> sizes = [];
        foreach (var volume in (VolumeId[])[s_ours, s_others])
            sizes.Add((await volumes.LookAsync(storage => storage.FindSizeAsync(volume, default), leftOut: null))?.LengthBytes);
        volumes.RequireSome();
        return [.. sizes];
    }
}
