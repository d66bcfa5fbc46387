using System.Security.Cryptography;
using VBackup.Cli.Edge;
using VBackup.Cli.Terminal;
using VBackup.Clouds;
using VBackup.Clouds.Lab;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Edge;
using VBackup.Edge.Running;
using VBackup.Services.Tests.World;
using VBackup.Vault;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Stores;
using VBackup.Vault.Stores.Tests;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>What the command line's restore in place does with a server that runs, when the storage refuses to be written.</summary>
public sealed class InPlaceRestoreTests : IAsyncDisposable
{
    static readonly VolumeId s_volume = new("web-vda");
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-in-place-").FullName;
    readonly byte[] _content = RandomNumberGenerator.GetBytes(300_000);
    LabCloud _lab = null!;
    TimeProvider _clock = TimeProvider.System;
    Func<string, object?> _before = _ => null;

    [Fact]
    public async Task A_server_is_not_stopped_where_its_volumes_may_not_be_written()
    {
        var opened = 0;
        _before = call => call switch
        {
            nameof(IVolumeStorage.RequireWritableAsync) => throw NotAllowed(),
            nameof(IVolumeStorage.OpenWriterAsync) => opened++,
            _ => null,
        };
        var failure = await FailAsync<RefusedException>();
        Assert.Contains("web-vda may not be written", failure.Message, StringComparison.Ordinal);
        Assert.Equal((0, ServerState.Running), (opened, await StateAsync()));
    }

    [Fact]
    public async Task A_server_that_was_stopped_and_of_which_nothing_was_overwritten_is_started_again()
    {
        _before = call => call == nameof(IVolumeStorage.OpenWriterAsync) ? throw NotAllowed() : (object?)null;
        var failure = await FailAsync<CloudException>();
        var aftermath = Aftermath.Of(failure);
        Assert.Contains("has overwritten nothing", aftermath, StringComparison.Ordinal);
        Assert.Contains("server web was stopped for this restore, and was started again", aftermath, StringComparison.Ordinal);
        Assert.Equal(ServerState.Running, await StateAsync());
        Assert.Equal(_content, await File.ReadAllBytesAsync(VolumePath));
    }

    [Fact]
    public async Task A_server_whose_volume_another_restore_took_over_meanwhile_stays_off()
    {
        var isTaken = false;
        _before = call =>
        {
            if (call == nameof(IVolumeStorage.FindClaimAsync) && isTaken) return Task.FromResult<string?>("another");
            if (call != nameof(IVolumeStorage.OpenWriterAsync)) return null;
            isTaken = true;
            throw NotAllowed();
        };
        var failure = await FailAsync<CloudException>();
        Assert.Contains("is not started again", Aftermath.Of(failure), StringComparison.Ordinal);
        Assert.Equal(ServerState.Shutdown, await StateAsync());
    }

    [Fact]
    public async Task A_server_that_runs_again_when_its_restore_was_overtaken_is_not_said_to_be_off()
    {
        var isTaken = false;
        _before = call =>
        {
            if (call == nameof(IVolumeStorage.FindClaimAsync) && isTaken) return StartAndClaimAsync();
            if (call != nameof(IVolumeStorage.OpenWriterAsync)) return null;
            isTaken = true;
            throw NotAllowed();
        };
        var aftermath = Aftermath.Of(await FailAsync<CloudException>());
        Assert.Contains("was stopped for this restore, and runs by now: whoever took over", aftermath, StringComparison.Ordinal);
        Assert.DoesNotContain("is not started", aftermath, StringComparison.Ordinal);
        Assert.Equal(ServerState.Running, await StateAsync());

        async Task<string?> StartAndClaimAsync()
        {
            await _lab.Hypervisor.StartAsync("web", default);
            return "another";
        }
    }

    [Fact]
    public async Task A_server_that_somebody_has_started_and_paused_meanwhile_is_not_touched_and_not_said_to_be_started()
    {
        _before = call =>
        {
            if (call != nameof(IVolumeStorage.OpenWriterAsync)) return null;
            File.WriteAllText(ServerPath, """{"state":"paused","disks":[{"name":"vda","volume":"web-vda"}]}""");
            throw NotAllowed();
        };
        Assert.Contains("was stopped for this restore, and is on already: somebody has started it (it is paused), and it was not touched",
            Aftermath.Of(await FailAsync<CloudException>()), StringComparison.Ordinal);
        Assert.Equal(ServerState.Paused, await StateAsync());
    }

    [Fact]
    public async Task What_there_is_of_a_safety_snapshot_of_a_storage_that_does_not_answer_is_removed_once_it_does()
    {
        _clock = new RushingClock();
        var tries = 0;
        _before = call => call != "get_" + nameof(IVolumeStorage.Snapshots) ? null : RefusingStorage.Of(_lab.Storage.Snapshots,
            called => called switch
            {
                nameof(IVolumeSnapshots.TakeAsync) => throw NoAnswer(),
                nameof(IVolumeSnapshots.RemoveAsync) when tries++ < 3 => throw NoAnswer(),
                _ => null,
            });
        var aftermath = Aftermath.Of(await FailAsync<CloudException>());
        Assert.Equal(4, tries);
        Assert.DoesNotContain("could not be removed", aftermath, StringComparison.Ordinal);
        Assert.Contains("was started again", aftermath, StringComparison.Ordinal);
    }

    static CloudException NoAnswer() => new(CloudFailure.TimedOut, "snapshot", s_volume.Value, "no answer");

    static CloudException NotAllowed() => new(CloudFailure.NotAllowed, "open", s_volume.Value, "the credentials are for reading");

    string ServerPath => Path.Combine(_folder, "servers/web.json");

    string VolumePath => Path.Combine(_folder, "volumes/web-vda.raw");

    async Task<ServerState> StateAsync() => (await _lab.Hypervisor.FindAsync("web", default))!.State;

    /// <summary>A running server is backed up and restored in place, which fails.</summary>
    async Task<TFailure> FailAsync<TFailure>() where TFailure : Exception
    {
        foreach (var name in (string[])["volumes", "servers"]) Directory.CreateDirectory(Path.Combine(_folder, name));
        await File.WriteAllBytesAsync(VolumePath, _content);
        await File.WriteAllTextAsync(ServerPath,
            """{"state":"shutdown","disks":[{"name":"vda","volume":"web-vda"}]}""");
        _lab = LabCloud.Open(_folder);
        await using var cloud = EdgeCloud.Of(_lab.Hypervisor,
            RefusingStorage.Of(_lab.Storage, call => _before(call)), TimeSpan.FromSeconds(5), _clock);
        using var unlock = VaultUnlock.WithKey(RandomNumberGenerator.GetBytes(32));
        await using var vault = await BackupVault.CreateAsync(new MemoryStore(), unlock, 16 * 1024, new(), default);
        var before = _before;
        _before = _ => null;
        var server = (await _lab.Hypervisor.FindAsync("web", default))!;
        var point = await new ServerBackup(cloud, vault, server, "--cloud cloud.json", Screen.Silent)
            .RunAsync(isFull: false, isAsItIs: false, spool: null, default);
        await _lab.Hypervisor.StartAsync("web", default);
        _before = before;
        return await Assert.ThrowsAsync<TFailure>(() => RestoreServer.RunAsync(
            cloud, vault, new("cloud.json", point.Id, "original", null, null, Stops: true), Screen.Silent, default));
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}
