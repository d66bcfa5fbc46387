using VBackup.Clouds.Lab;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Tests;

/// <summary>The lab cloud between processes: what one writes, another catches; and one that dies or is stopped.</summary>
public sealed class LabProcessTests : IDisposable
{
    const int LooksMax = 5000;
    static readonly VolumeId[] s_volumes = [new("web-boot"), new("web-data")];
    readonly TemporaryFolder _folder = new();
    readonly LabCloud _cloud;

    public LabProcessTests() => _cloud = LabCloud.Open(_folder.Path);

    static CancellationToken Token => TestContext.Current.CancellationToken;

    async Task<GuestProcess> StartGuestAsync()
    {
        if (await _cloud.Hypervisor.FindAsync("web", Token) is null)
        {
            foreach (var volume in s_volumes) await _cloud.Storage.CreateAsync(volume, WriteOrderJournal.LengthMin, Token);
            await _cloud.Hypervisor.DeclareAsync("web", [new("vda", s_volumes[0]), new("vdb", s_volumes[1])], Token);
        }
        await _cloud.Hypervisor.StartAsync("web", Token);
        return await GuestProcess.StartAsync(_folder.Path, "web", Token);
    }

    async Task<JournalVerdict> CatchAsync(string name)
    {
        await _cloud.Storage.Snapshots.TakeAsync(name, s_volumes, Token);
        await using var first = await _cloud.Storage.Snapshots.OpenAsync(name, s_volumes[0], Token);
        await using var second = await _cloud.Storage.Snapshots.OpenAsync(name, s_volumes[1], Token);
        var verdict = await JournalCheck.OfAsync(first, second, Token);
        Assert.True(verdict.IsInOrder, verdict.Fault);
        return verdict;
    }

    // Until the guest is further than a record; a look takes about as long as a record.
    async Task<JournalVerdict> CatchPastAsync(string name, long record)
    {
        for (var i = 0; i < LooksMax; i++)
        {
            var verdict = await CatchAsync($"{name}-{i}");
            if (verdict.LastOfSecond > record) return verdict;
            await _cloud.Storage.Snapshots.RemoveAsync($"{name}-{i}", s_volumes, Token);
        }
        throw new InvalidOperationException($"the guest did not get past record {record}");
    }

    [Fact]
    public async Task Instants_of_another_process_that_writes_are_in_order()
    {
        await using var guest = await StartGuestAsync();
        long last = 0;
        for (var i = 0; i < 20; i++) last = (await CatchPastAsync($"instant-{i}", last)).LastOfSecond;

        Assert.Equal(2, await _cloud.Hypervisor.FreezeAsync("web", Token));
        var held = await CatchAsync("held-1");
        Assert.Equal(held.LastOfFirst, held.LastOfSecond);
        Assert.Equal(held, await CatchAsync("held-2"));
        Assert.Equal(2, await _cloud.Hypervisor.ThawAsync("web", Token));
        await CatchPastAsync("thawed", held.LastOfFirst);

        await _cloud.Hypervisor.StopAsync("web", TimeSpan.FromSeconds(60), Token);
        Assert.Equal(0, await guest.ExitAsync(Token));
    }

    [Fact]
    public async Task A_guest_that_is_killed_leaves_its_volumes_free_and_its_journal_in_order()
    {
        long last;
        await using (var guest = await StartGuestAsync())
        {
            last = (await CatchPastAsync("alive", 10)).LastOfFirst;
            await guest.KillAsync(Token);
        }
        Assert.Null(await _cloud.Hypervisor.FreezeAsync("web", Token));
        Assert.True((await CatchAsync("killed")).LastOfFirst >= last);
        await _cloud.Hypervisor.StopAsync("web", TimeSpan.Zero, Token);
        await using var again = await StartGuestAsync();
        await CatchPastAsync("again", last);
    }

    [Fact]
    public async Task A_writer_that_is_stopped_is_shut_out_and_changes_nothing_when_it_wakes_up()
    {
        await using var guest = await StartGuestAsync();
        await CatchPastAsync("alive", 10);
        guest.Stop();
        // A silent agent is waited for as long as the time limit says, which is no time here.
        await using (var hasty = LabCloud.Open(_folder.Path, TimeSpan.Zero))
        {
            var failure = await Assert.ThrowsAsync<CloudException>(() => hasty.Hypervisor.FreezeAsync("web", Token));
            Assert.Equal(CloudFailure.TimedOut, failure.Failure);
            await hasty.Hypervisor.StopAsync("web", TimeSpan.Zero, Token);
        }
        var content = new byte[WriteOrderJournal.LengthMin];
        new Random(1).NextBytes(content);
        foreach (var volume in s_volumes)
        {
            await using var writer = await _cloud.Storage.OpenWriterAsync(volume, new() { TakesOver = true }, Token);
            await writer.WriteAsync(0, content, Token);
            await writer.FlushAsync(Token);
        }

        guest.Continue();
        Assert.Equal(1, await guest.ExitAsync(Token));
        foreach (var volume in s_volumes)
        {
            await using var reader = await _cloud.Storage.OpenReaderAsync(volume, Token);
            var found = new byte[content.Length];
            await reader.ReadAsync(0, found, Token);
            Assert.True(content.AsSpan().SequenceEqual(found));
        }
    }

    public void Dispose() => _folder.Dispose();
}
