using VBackup.Clouds.Lab;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Tests;

/// <summary>What is the lab cloud's own.</summary>
public sealed class LabCloudTests : IDisposable
{
    const int Length = 1024 * 1024;
    static readonly VolumeId s_boot = new("web-boot");
    static readonly VolumeId s_data = new("web-data");
    readonly TemporaryFolder _folder = new();
    readonly LabCloud _cloud;

    public LabCloudTests() => _cloud = LabCloud.Open(_folder.Path);

    static CancellationToken Token => TestContext.Current.CancellationToken;

    async Task DeclareAsync()
    {
        foreach (var volume in (VolumeId[])[s_boot, s_data]) await _cloud.Storage.CreateAsync(volume, Length, Token);
        await _cloud.Hypervisor.DeclareAsync("web", [new("vda", s_boot), new("vdb", s_data)], Token);
        await _cloud.Hypervisor.StartAsync("web", Token);
    }

    async Task<JournalVerdict> CheckAsync(string ofFirst, string ofSecond)
    {
        await using var first = await _cloud.Storage.Snapshots.OpenAsync(ofFirst, s_boot, Token);
        await using var second = await _cloud.Storage.Snapshots.OpenAsync(ofSecond, s_data, Token);
        return await JournalCheck.OfAsync(first, second, Token);
    }

    static async Task<CloudFailure> FailureOf(Func<Task> act) => (await Assert.ThrowsAsync<CloudException>(act)).Failure;

    [Fact]
    public async Task A_frozen_guest_writes_nothing_until_it_is_let_go()
    {
        await DeclareAsync();
        await using var guest = await LabGuest.StartAsync(_cloud, "web", Token);
        await guest.Journal.ReachAsync(5, Token);
        Assert.Equal(2, await _cloud.Hypervisor.FreezeAsync("web", Token));
        await _cloud.Storage.Snapshots.TakeAsync("held-1", [s_boot, s_data], Token);
        // Even caught one after the other, the volumes are of one instant.
        await _cloud.Storage.Snapshots.TakeAsync("held-2", [s_boot], Token);
        await _cloud.Storage.Snapshots.TakeAsync("held-3", [s_data], Token);
        Assert.True(await _cloud.Hypervisor.IsFrozenAsync("web", Token));
        Assert.Equal(2, await _cloud.Hypervisor.ThawAsync("web", Token));
        var held = await CheckAsync("held-1", "held-1");
        Assert.True(held.IsInOrder, held.Fault);
        Assert.Equal(held.LastOfFirst, held.LastOfSecond);
        Assert.Equal(held, await CheckAsync("held-2", "held-3"));
        await guest.Journal.ReachAsync(held.LastOfFirst + 5, Token);
    }

    [Fact]
    public async Task A_guest_goes_on_by_itself_when_whoever_froze_it_lets_nothing_hear()
    {
        await DeclareAsync();
        await using var guest = await LabGuest.StartAsync(_cloud, "web", Token, heldMax: TimeSpan.FromMilliseconds(50));
        await guest.Journal.ReachAsync(5, Token);
        for (var time = 0; time < 2; time++)
        {
            Assert.Equal(2, await _cloud.Hypervisor.FreezeAsync("web", Token));
            await guest.Journal.ReachAsync(guest.Journal.Written + 5, Token);
            Assert.False(await _cloud.Hypervisor.IsFrozenAsync("web", Token));
            Assert.Equal(0, await _cloud.Hypervisor.ThawAsync("web", Token));
        }
    }

    [Fact]
    public async Task A_journal_resumes_where_an_instant_caught_it()
    {
        await DeclareAsync();
        await using (var guest = await LabGuest.StartAsync(_cloud, "web", Token)) await guest.Journal.ReachAsync(100, Token);
        long caught;
        await using (var guest = await LabGuest.StartAsync(_cloud, "web", Token))
        {
            await guest.Journal.ReachAsync(130, Token);
            await _cloud.Storage.Snapshots.TakeAsync("caught", [s_boot, s_data], Token);
            await guest.Journal.ReachAsync(guest.Journal.Written + 30, Token);
            caught = (await CheckAsync("caught", "caught")).LastOfSecond;
        }
        await _cloud.Hypervisor.StopAsync("web", TimeSpan.Zero, Token);
        await _cloud.Storage.Snapshots.RollBackAsync("caught", [s_boot, s_data], Token);
        await _cloud.Hypervisor.StartAsync("web", Token);
        await using var resumed = await LabGuest.StartAsync(_cloud, "web", Token);
        await resumed.Journal.ReachAsync(caught + 70, Token);
        await _cloud.Storage.Snapshots.TakeAsync("resumed", [s_boot, s_data], Token);
        var verdict = await CheckAsync("resumed", "resumed");
        Assert.True(verdict.IsInOrder, verdict.Fault);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_journal_with_a_damaged_or_missing_record_is_broken(int volume)
    {
        await DeclareAsync();
        await using (var guest = await LabGuest.StartAsync(_cloud, "web", Token)) await guest.Journal.ReachAsync(10, Token);
        VolumeId[] volumes = [s_boot, s_data];
        foreach (var (name, damage) in ((string, byte[])[])[("damaged", [1]), ("missing", new byte[4096])])
        {
            await using (var writer = await _cloud.Storage.OpenWriterAsync(volumes[volume], new(), Token))
                await writer.WriteAsync(3 * 4096, damage, Token);
            await _cloud.Storage.Snapshots.TakeAsync(name, volumes, Token);
            Assert.False((await CheckAsync(name, name)).IsInOrder);
        }
    }

    [Fact]
    public async Task A_running_servers_volume_is_neither_taken_over_nor_rolled_back_nor_removed()
    {
        await DeclareAsync();
        await _cloud.Storage.Snapshots.TakeAsync("before", [s_boot], Token);
        Assert.Equal(CloudFailure.InUse, await FailureOf(() => _cloud.Storage.OpenWriterAsync(s_boot, new() { TakesOver = true }, Token)));
        Assert.Equal(CloudFailure.InUse, await FailureOf(() => _cloud.Storage.Snapshots.RollBackAsync("before", [s_boot], Token)));
        Assert.Equal(CloudFailure.InUse, await FailureOf(() => _cloud.Storage.RemoveAsync(s_data, Token)));
        await _cloud.Hypervisor.StopAsync("web", TimeSpan.Zero, Token);
        await using var writer = await _cloud.Storage.OpenWriterAsync(s_boot, new() { TakesOver = true }, Token);
        Assert.Equal(CloudFailure.InUse, await FailureOf(() => _cloud.Hypervisor.StartAsync("web", Token)));
    }

    [Fact]
    public async Task A_guest_that_does_not_end_is_shut_out_of_its_volumes()
    {
        await DeclareAsync();
        await using var deaf = await _cloud.Storage.OpenWriterAsync(s_boot, new(), Token);
        await deaf.WriteAsync(0, new byte[] { 1, 2, 3 }, Token);
        await _cloud.Hypervisor.StopAsync("web", TimeSpan.Zero, Token);
        Assert.Equal(CloudFailure.InUse, await FailureOf(async () => await deaf.WriteAsync(0, new byte[] { 4, 5, 6 }, Token)));
        await using var reader = await _cloud.Storage.OpenReaderAsync(s_boot, Token);
        var found = new byte[3];
        await reader.ReadAsync(0, found, Token);
        Assert.Equal([1, 2, 3], found);
    }

    [Fact]
    public async Task A_guest_with_an_agent_ends_when_its_server_is_stopped()
    {
        await DeclareAsync();
        await using var guest = await LabGuest.StartAsync(_cloud, "web", Token);
        await guest.Journal.ReachAsync(2, Token);
        await _cloud.Hypervisor.StopAsync("web", TimeSpan.FromSeconds(60), Token);
        await guest.Journal.Ended.WaitAsync(Token);
        Assert.Equal(ServerState.Shutdown, (await _cloud.Hypervisor.FindAsync("web", Token))?.State);
        Assert.Null(await _cloud.Hypervisor.FreezeAsync("web", Token));
    }

    [Fact]
    public async Task A_server_that_a_person_declared_is_there()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "servers", "mail.json"), """
            { "state": "Running", "disks": [ { "name": "vda", "volume": "mail-boot" } ] }
            """, Token);
        var server = Assert.Single(await _cloud.Hypervisor.ListAsync(Token));
        Assert.Equal(("mail", "mail", ServerState.Running), (server.Name, server.Id, server.State));
        Assert.Equal([new ServerDisk("vda", new("mail-boot"))], server.Disks);
    }

    [Fact]
    public async Task A_file_that_declares_no_server_is_named()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "servers", "mail.json"), "{ ", Token);
        var failure = await Assert.ThrowsAsync<CloudException>(() => _cloud.Hypervisor.ListAsync(Token));
        Assert.Equal("mail", failure.Subject);
    }

    [Fact]
    public async Task Names_do_not_reach_out_of_the_folder()
    {
        foreach (var name in (string[])["../outside", "/outside", "", ".", "..", "a/b"])
        {
            await Assert.ThrowsAsync<CloudException>(() => _cloud.Storage.CreateAsync(new(name), Length, Token));
            await Assert.ThrowsAsync<CloudException>(() => _cloud.Hypervisor.DeclareAsync(name, [], Token));
            Assert.Null(await _cloud.Storage.FindLengthAsync(new(name), Token));
            Assert.Null(await _cloud.Hypervisor.FindAsync(name, Token));
        }
    }

    [Fact]
    public async Task Who_does_not_get_a_lock_says_so_in_time()
    {
        await DeclareAsync();
        // The time is over as soon as it begins.
        await using var hasty = LabCloud.Open(_folder.Path, TimeSpan.Zero);
        using (FileLock.TryHold(Path.Combine(_folder.Path, "folder.lock"), isExclusive: true))
            Assert.Equal(CloudFailure.TimedOut, await FailureOf(() => hasty.Storage.OpenWriterAsync(s_boot, new(), Token)));
        await using var writer = await hasty.Storage.OpenWriterAsync(s_boot, new(), Token);
        using (FileLock.TryHold(Path.Combine(_folder.Path, "volumes", "web-boot.gate"), isExclusive: false))
        {
            Assert.Equal(CloudFailure.TimedOut, await FailureOf(() =>
                hasty.Storage.Snapshots.TakeAsync("instant", [s_boot, s_data], Token)));
            Assert.Empty(await hasty.Storage.Snapshots.ListAsync([s_boot], Token));
        }
        await hasty.Storage.Snapshots.TakeAsync("instant", [s_boot, s_data], Token);
    }

    [Fact]
    public async Task A_taking_over_that_was_interrupted_is_finished_by_the_next_opening()
    {
        await DeclareAsync();
        var path = Path.Combine(_folder.Path, "volumes", "web-boot.raw");
        await using (var writer = await _cloud.Storage.OpenWriterAsync(s_boot, new(), Token)) await writer.WriteAsync(0, new byte[] { 7 },
            Token);
        var before = FileIdentity.Of(path);
        await File.WriteAllBytesAsync(Path.Combine(_folder.Path, "volumes", "web-boot.shutting-out"), [], Token);
        // The old writer's file is held open, as the old writer would: its number is not given to another.
        using var held = FileVolume.OpenSource(path);
        await using (var writer = await _cloud.Storage.OpenWriterAsync(s_boot, new(), Token)) await writer.WriteAsync(1, new byte[] { 8 },
            Token);
        Assert.NotEqual(before, FileIdentity.Of(path));
        await using var reader = await _cloud.Storage.OpenReaderAsync(s_boot, Token);
        var found = new byte[2];
        await reader.ReadAsync(0, found, Token);
        Assert.Equal([7, 8], found);
    }

    public void Dispose() => _folder.Dispose();
}
