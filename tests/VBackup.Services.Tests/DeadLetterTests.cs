using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Messaging;
using VBackup.Service;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>What was given up stays in its sender's outbox until somebody sends it again or drops it; nothing is given up because nothing
/// can be sent.</summary>
public sealed class DeadLetterTests
{
    [Fact]
    public async Task What_was_given_up_is_listed_page_by_page()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var letters = new OutboxDeadLetters<BackupDb>("backup", world.Backup);
        var ids = await DieAsync(world, 5);
        Assert.Equal(("outbox-backup", 5), (letters.Place, await letters.CountAsync(default)));
        var seen = new List<string>();
        string? after = null;
        do
        {
            var page = await letters.ListAsync(after, limit: 2, default);
            Assert.InRange(page.Letters.Count, 1, 2);
            Assert.All(page.Letters, letter =>
            {
                Assert.Equal(("nowhere", KeepSnapshotAsBase.Name, 1), (letter.To, letter.Name, letter.Attempts));
                Assert.Contains("no region of that name", letter.Reason, StringComparison.Ordinal);
            });
            seen.AddRange(page.Letters.Select(letter => letter.Id));
            after = page.Next;
        }
        while (after is not null);
        Assert.Equal(ids, seen);
    }

    [Fact]
    public async Task One_that_is_sent_again_goes_out_as_if_it_was_new()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var letters = new OutboxDeadLetters<BackupDb>("backup", world.Backup);
        var id = Assert.Single(await DieAsync(world, 1));
        var nowhere = new CountingEndpoint();
        world.Transport.Connect("nowhere", nowhere);
        await world.BackupPump.SendDueAsync(default);
        Assert.Equal(0, nowhere.Delivered);
        Assert.True(await letters.RequeueAsync(id, default));
        await world.BackupPump.SendDueAsync(default);
        Assert.Equal((1, 0), (nowhere.Delivered, await letters.CountAsync(default)));
        // It has arrived: there is nothing to send again, or to drop.
        Assert.False(await letters.RequeueAsync(id, default));
        Assert.False(await letters.DropAsync(id, default));
    }

    [Fact]
    public async Task One_that_is_dropped_is_gone()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var letters = new OutboxDeadLetters<BackupDb>("backup", world.Backup);
        var ids = await DieAsync(world, 2);
        Assert.True(await letters.DropAsync(ids[0], default));
        Assert.False(await letters.DropAsync(ids[0], default));
        Assert.False(await letters.DropAsync("no id", default));
        Assert.Equal(ids[1], Assert.Single((await letters.ListAsync(null, 10, default)).Letters).Id);
    }

    [Fact]
    public async Task While_nothing_can_be_sent_messages_wait_and_come_no_nearer_to_being_given_up()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await SendAsync(world, 3);
        var transport = new DownTransport();
        var pump = new OutboxPump<BackupDb>(
            new VBackup.Platform.Databases.SqliteDatabase<BackupDb>(world.Path("backup.db"), options => new(options)), transport,
            world.Clock);
        for (var turn = 1; turn <= 2 * OutboxPump<BackupDb>.AttemptsMax; turn++)
        {
            Assert.False(await pump.SendDueAsync(default));
            // The others would fare no better.
            Assert.Equal(turn, transport.Attempts);
        }
        var waiting = await world.Backup.MakeAsync(change => change.Db.Outbox.AsNoTracking().ToListAsync(), default);
        Assert.All(waiting, one => Assert.Equal((0, false, world.Clock.GetUtcNow()), (one.Attempts, one.IsDead, one.NextAttemptAt)));
        Assert.Equal("the broker is away", Assert.Single(waiting, one => one.LastError is not null).LastError);
    }

    static Task SendAsync(ServiceWorld world, int count) => world.Backup.MakeAsync(change =>
    {
        for (var i = 0; i < count; i++)
            change.Send("nowhere", new KeepSnapshotAsBase(world.Ids.New<SnapshotId>()), MessageJson.Default.KeepSnapshotAsBase);
        return Task.CompletedTask;
    }, default);

    /// <returns>Their ids, in order.</returns>
    static async Task<List<string>> DieAsync(ServiceWorld world, int count)
    {
        await SendAsync(world, count);
        await world.BackupPump.SendDueAsync(default);
        return [.. (await world.Backup.MakeAsync(change => change.Db.Outbox.OrderBy(one => one.Id).Select(one => one.Id).ToListAsync(),
            default)).Select(id => id.ToString())];
    }

    sealed class CountingEndpoint : IMessageEndpoint
    {
        public int Delivered { get; private set; }

        public Task DeliverAsync(Envelope envelope, CancellationToken cancellation)
        {
            Delivered++;
            return Task.CompletedTask;
        }
    }

    sealed class DownTransport : IMessageTransport
    {
        public int Attempts { get; private set; }

        public Task SendAsync(Envelope envelope, CancellationToken cancellation)
        {
            Attempts++;
            throw new TransportDownException("the broker is away");
        }
    }
}
