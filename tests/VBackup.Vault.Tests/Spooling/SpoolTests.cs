using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Sessions;
using VBackup.Vault.Spooling;
using VBackup.Vault.Stores;
using VBackup.Vault.Stores.Faults;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using VBackup.Vault.Writing;
using Xunit;

namespace VBackup.Vault.Tests.Spooling;

/// <summary>Runs whose packs land in a spool first.</summary>
public sealed class SpoolTests
{
    private static readonly byte[] s_first = Contents.Mixed(1, 300_001);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(1000)]
    public async Task Whatever_room_a_spool_has_the_point_is_the_same_and_the_room_is_kept(int packs)
    {
        using var world = new SpoolWorld();
        await using var vault = SpoolWorld.VaultOver(world.Memory);
        var packSizeMax = vault.Vault.Runtime.PackSizeTarget + FormatLimits.PackSizeMax - FormatLimits.PackSizeTarget;
        await using var spool = await world.OpenSpoolAsync(vault, sizeMax: (long)packs * packSizeMax);
        var point = await SpoolWorld.BackUpAsync(vault, spool, s_first);
        Contents.AssertSame(s_first, await vault.RestoreAsync(point));
        Assert.Empty(await world.WaitingAsync());
        long kept = 0;
        await foreach (var entry in world.SpoolMemory.ListAsync("", default)) kept += entry.LengthBytes;
        Assert.InRange(kept, packs == 0 ? 0 : 1, (long)packs * packSizeMax);
    }

    [Theory]
    [InlineData(false, 1000)]
    [InlineData(true, 1000)]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    public async Task A_process_that_dies_at_any_operation_on_store_or_spool_is_finished_by_the_next(bool isApplied, int roomForPacks)
    {
        int finished = 0, resent = 0, retried = 0;
        for (var dieAt = 1; ; dieAt++)
        {
            using var world = new SpoolWorld();
            await using var vault = SpoolWorld.VaultOver(world.Memory);
            var basePoint = await vault.BackUpAsync(s_first);
            var (next, changed) = Contents.Change(2, s_first, 30, 9000);
            var process = new DyingProcess(dieAt, isApplied);
            var said = await RunInAsync(process, world, roomForPacks, next, basePoint, changed);
            try
            {
                await using var spool = await world.OpenSpoolAsync(vault);
                var resumed = await BackupWriter.ResumeLeftAsync(vault.Vault, spool, default);
                if (resumed.Any(run => run.Point is not null)) finished++;
                if (resumed.Any(run => run is { Point: null, GivenUp: null })) resent++;
                var points = await vault.PointsAsync();
                if (said is not null) Assert.Contains(points, point => point.Id == said);
                if (points.Count == 1)
                {
                    retried++;
                    await SpoolWorld.BackUpAsync(vault, spool, next, basePoint, changed);
                    points = await vault.PointsAsync();
                }
                Assert.Equal(2, points.Count);
                foreach (var point in points)
                    Contents.AssertSame(point.Id == basePoint.Id ? s_first : next, await vault.RestoreAsync(point));
                Assert.Empty(await world.WaitingAsync());
                // A collection would bring in packs that no index object names.
                Assert.True((await Verifier.RunAsync(vault.Vault, allData: false, null, default)).IsSound);
                await vault.CollectAsync();
                Assert.True((await Verifier.RunAsync(vault.Vault, allData: true, null, default)).IsSound);
                foreach (var point in await vault.PointsAsync())
                    Contents.AssertSame(point.Id == basePoint.Id ? s_first : next, await vault.RestoreAsync(point));
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"dying at operation {dieAt}, applied: {isApplied}", failure);
            }
            if (!process.Died) break;
        }
        // All of it has to have come about.
        Assert.True(finished > (roomForPacks > 1 ? 5 : 0) && resent >= Math.Min(roomForPacks, 1) && retried > 5,
            $"{finished} finished, {resent} sent without a point, {retried} tried again");
    }

    /// <returns>The point that it said was complete, if it did.</returns>
    private static async Task<string?> RunInAsync(
        DyingProcess process, SpoolWorld world, int roomForPacks, byte[] next, PointDocument basePoint, Extent[] changed)
    {
        await using var vault = SpoolWorld.VaultOver(process.Of(world.Memory));
        try
        {
            var packSizeMax = vault.Vault.Runtime.PackSizeTarget + FormatLimits.PackSizeMax - FormatLimits.PackSizeTarget;
            await using var spool = await world.OpenSpoolAsync(vault, process.Of(world.SpoolMemory), roomForPacks * packSizeMax);
            return (await SpoolWorld.BackUpAsync(vault, spool, next, basePoint, changed)).Id;
        }
        catch (StoreException)
        {
            return null;
        }
    }

    [Fact]
    public async Task A_run_that_a_collector_took_for_dead_is_given_up_and_leaves_nothing()
    {
        using var world = new SpoolWorld();
        await using var vault = SpoolWorld.VaultOver(world.Memory);
        await LeaveSealedAsync(world);
        await vault.CollectAsync();
        await using var spool = await world.OpenSpoolAsync(vault);
        var resumed = Assert.Single(await BackupWriter.ResumeLeftAsync(vault.Vault, spool, default));
        Assert.Contains("took it for dead", resumed.GivenUp, StringComparison.Ordinal);
        Assert.Empty(await world.WaitingAsync());
        Assert.Empty(await vault.PointsAsync());
        await SpoolWorld.BackUpAsync(vault, spool, s_first);
    }

    /// <summary>Of packs that had no room nothing in the spool tells: what is not in the store when the process dies never will
    /// be.</summary>
    [Fact]
    public async Task A_run_with_packs_that_go_past_the_spool_is_not_sealed_before_they_are_in_the_store()
    {
        using var world = new SpoolWorld();
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (var dead = SpoolWorld.VaultOver(new SlowPacks(world.Memory, turn.Task)))
        {
            await using var spool = await world.OpenSpoolAsync(dead, sizeMax: 0);
            await using var run = await BackupWriter.StartAsync(dead.Vault, "backup", null, default, spool);
            var volume = await new DataPath.ExportPipeline(run, dead.Options).ExportAsync(
                new("disk", new MemoryVolume(new byte[] { 1, 2, 3 }), null, null), null, default);
            var sealing = run.SealAsync("server", PointType.Full, null, [volume], default);
            turn.SetException(new StoreException(StoreFailure.Unreachable, "commit", "packs", "it is away"));
            await Assert.ThrowsAsync<StoreException>(() => sealing);
            Assert.False(run.IsSealed);
        }
        Assert.DoesNotContain(await world.WaitingAsync(), name => name.EndsWith("/sealed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_pack_that_the_spool_gives_back_otherwise_is_never_sent()
    {
        using var world = new SpoolWorld();
        await using var vault = SpoolWorld.VaultOver(world.Memory);
        await LeaveSealedAsync(world);
        await foreach (var entry in world.SpoolMemory.ListAsync(ObjectNames.Packs, default))
        {
            var bytes = await world.SpoolMemory.GetAsync(entry.Name, 1 << 20, default);
            bytes[bytes.Length / 2] ^= 1;
            await world.SpoolMemory.PutAsync(entry.Name, bytes, default);
        }
        await using var spool = await world.OpenSpoolAsync(vault);
        var resumed = Assert.Single(await BackupWriter.ResumeLeftAsync(vault.Vault, spool, default));
        Assert.Contains("damaged", resumed.GivenUp, StringComparison.Ordinal);
        Assert.Empty(await vault.PointsAsync());
        Assert.Empty(await world.WaitingAsync());
        Contents.AssertSame(s_first, await vault.RestoreAsync(await SpoolWorld.BackUpAsync(vault, spool, s_first)));
        Assert.True((await Verifier.RunAsync(vault.Vault, allData: true, null, default)).IsSound);
    }

    [Theory]
    [InlineData("packs/", false)]
    [InlineData("packs/", true)]
    [InlineData("sealed", false)]
    [InlineData("sealed", true)]
    public async Task A_run_whose_notes_in_the_spool_are_damaged_is_given_up_and_stands_in_nobody_s_way(string part, bool isUnreadable)
    {
        using var world = new SpoolWorld();
        await using var vault = SpoolWorld.VaultOver(world.Memory);
        await LeaveSealedAsync(world);
        var damaged = (await world.WaitingAsync()).Where(name => name.Contains('/' + part, StringComparison.Ordinal)).ToArray();
        await using var spool = await world.OpenSpoolAsync(vault, await DamagedAsync(world, damaged, isUnreadable));
        var resumed = Assert.Single(await BackupWriter.ResumeLeftAsync(vault.Vault, spool, default));
        Assert.Null(resumed.Point);
        Assert.Contains("its part of the spool is damaged", resumed.GivenUp, StringComparison.Ordinal);
        Assert.Contains(part, resumed.GivenUp, StringComparison.Ordinal);
        Assert.Empty(await world.WaitingAsync());
        Contents.AssertSame(s_first, await vault.RestoreAsync(await SpoolWorld.BackUpAsync(vault, spool, s_first)));
    }

    /// <summary>Nobody can tell then which point may still arrive.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_run_whose_note_of_its_point_is_damaged_keeps_its_session_until_a_collector_takes_it_for_dead(bool isUnreadable)
    {
        using var world = new SpoolWorld();
        await using var vault = SpoolWorld.VaultOver(world.Memory);
        var late = await LeaveInDoubtAsync(world);
        var note = Assert.Single(await world.WaitingAsync(), name => name.EndsWith("/point", StringComparison.Ordinal));
        await using var spool = await world.OpenSpoolAsync(vault, await DamagedAsync(world, [note], isUnreadable));
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var resumed = Assert.Single(await BackupWriter.ResumeLeftAsync(vault.Vault, spool, default));
            Assert.Contains(note, resumed.GivenUp, StringComparison.Ordinal);
            Assert.DoesNotContain(await vault.ObjectsAsync(ObjectNames.Sessions), entry =>
                entry.Name.EndsWith(".ended", StringComparison.Ordinal));
        }
        await late.ArriveAsync();
        Contents.AssertSame(s_first, await vault.RestoreAsync(Assert.Single(await vault.PointsAsync())));

        await vault.CollectAsync();
        Assert.Contains(note, Assert.Single(await BackupWriter.ResumeLeftAsync(vault.Vault, spool, default)).GivenUp,
            StringComparison.Ordinal);
        Assert.Empty(await world.WaitingAsync());
        Assert.Empty(await BackupWriter.ResumeLeftAsync(vault.Vault, spool, default));
        Contents.AssertSame(s_first, await vault.RestoreAsync(Assert.Single(await vault.PointsAsync())));
    }

    [Fact]
    public async Task A_point_that_has_arrived_is_found_although_the_rest_of_its_run_in_the_spool_is_damaged()
    {
        using var world = new SpoolWorld();
        await using var vault = SpoolWorld.VaultOver(world.Memory);
        var late = await LeaveInDoubtAsync(world);
        await late.ArriveAsync();
        var damaged = (await world.WaitingAsync()).Where(name => !name.EndsWith("/point", StringComparison.Ordinal)).ToArray();
        await using var spool = await world.OpenSpoolAsync(vault, await DamagedAsync(world, damaged, isUnreadable: false));
        var resumed = Assert.Single(await BackupWriter.ResumeLeftAsync(vault.Vault, spool, default));
        Assert.Equal(resumed.Point!.Id, Assert.Single(await vault.PointsAsync()).Id);
        Assert.Empty(await world.WaitingAsync());
    }

    private static async Task<IObjectStore> DamagedAsync(SpoolWorld world, string[] names, bool isUnreadable)
    {
        Assert.NotEmpty(names);
        if (isUnreadable) return new FaultyStore(world.SpoolMemory, FaultPlan.Of().WithBadSectors(names.Select(BadSector.All)));
        foreach (var name in names) await world.SpoolMemory.PutAsync(name, new byte[10], default);
        return world.SpoolMemory;
    }

    [Fact]
    public async Task A_run_that_is_going_on_is_left_alone_by_others()
    {
        using var world = new SpoolWorld();
        await using var vault = SpoolWorld.VaultOver(world.Memory);
        await using var spool = await world.OpenSpoolAsync(vault);
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", null, default, spool);
        var volume = await new DataPath.ExportPipeline(run, vault.Options).ExportAsync(
            new("disk", new MemoryVolume(s_first), null, null), null, default);
        await run.SealAsync("server", PointType.Full, null, [volume], default);
        await using (var other = SpoolWorld.VaultOver(world.Memory))
        {
            await using var sameSpool = await world.OpenSpoolAsync(other);
            Assert.Empty(await BackupWriter.ResumeLeftAsync(other.Vault, sameSpool, default));
        }
        var point = await run.PublishAsync("server", PointType.Full, null, [volume], default);
        Contents.AssertSame(s_first, await vault.RestoreAsync(point));
    }

    [Fact]
    public async Task Packs_are_read_from_the_spool_and_from_the_store_where_the_spool_lies()
    {
        using var world = new SpoolWorld();
        await using var writing = SpoolWorld.VaultOver(world.Memory);
        PointDocument point;
        await using (var spool = await world.OpenSpoolAsync(writing)) point = await SpoolWorld.BackUpAsync(writing, spool, s_first);

        var counting = new CountingStore(world.Memory);
        await using (var vault = SpoolWorld.VaultOver(counting))
        {
            await using var spool = await world.OpenSpoolAsync(vault);
            Contents.AssertSame(s_first, await vault.RestoreAsync(point));
            Assert.Empty(counting.Reads);
        }
        await foreach (var entry in world.SpoolMemory.ListAsync(ObjectNames.Packs, default))
            await world.SpoolMemory.PutAsync(entry.Name, new byte[entry.LengthBytes], default);
        await using (var vault = SpoolWorld.VaultOver(counting))
        {
            await using var spool = await world.OpenSpoolAsync(vault);
            Contents.AssertSame(s_first, await vault.RestoreAsync(point));
            Assert.NotEmpty(counting.Reads);
        }
    }

    [Fact]
    public async Task A_point_whose_put_is_in_doubt_cannot_arrive_after_another_process_has_finished_the_run()
    {
        using var world = new SpoolWorld();
        await using var vault = SpoolWorld.VaultOver(world.Memory);
        var late = await LeaveInDoubtAsync(world);
        await using var next = await world.OpenSpoolAsync(vault);
        var resumed = Assert.Single(await BackupWriter.ResumeLeftAsync(vault.Vault, next, default));
        var gone = await Assert.ThrowsAsync<StoreException>(late.ArriveAsync);
        Assert.Equal(StoreFailure.NotFound, gone.Failure);
        Assert.Equal(resumed.Point!.Id, Assert.Single(await vault.PointsAsync()).Id);
        Assert.Empty(await world.WaitingAsync());
    }

    [Fact]
    public async Task A_point_whose_put_was_in_doubt_and_has_arrived_is_the_run_s_point()
    {
        using var world = new SpoolWorld();
        await using var vault = SpoolWorld.VaultOver(world.Memory);
        var late = await LeaveInDoubtAsync(world);
        await late.ArriveAsync();
        await using var next = await world.OpenSpoolAsync(vault);
        var resumed = Assert.Single(await BackupWriter.ResumeLeftAsync(vault.Vault, next, default));
        Assert.Equal(resumed.Point!.Id, Assert.Single(await vault.PointsAsync()).Id);
    }

    [Fact]
    public async Task A_run_that_was_revoked_and_not_decided_yet_is_not_said_to_be_complete()
    {
        using var world = new SpoolWorld();
        await using var vault = SpoolWorld.VaultOver(world.Memory);
        var late = await LeaveInDoubtAsync(world);
        await late.ArriveAsync();
        var point = Assert.Single(await vault.PointsAsync());
        Assert.True(SessionId.TryParse(point.Session, out var session));
        await world.Memory.PutAsync(ObjectNames.Revoked(session), new byte[1], default);
        await using var next = await world.OpenSpoolAsync(vault);
        var resumed = Assert.Single(await BackupWriter.ResumeLeftAsync(vault.Vault, next, default));
        Assert.Null(resumed.Point);
        Assert.Contains("took it for dead", resumed.GivenUp, StringComparison.Ordinal);
        Assert.Empty(await world.WaitingAsync());
    }

    [Fact]
    public async Task A_run_that_another_finishes_after_it_was_listed_is_not_taken_up_again()
    {
        using var world = new SpoolWorld();
        await using var vault = SpoolWorld.VaultOver(world.Memory);
        await LeaveSealedAsync(world);
        await using var other = SpoolWorld.VaultOver(world.Memory);
        await using var first = await world.OpenSpoolAsync(other);
        IReadOnlyList<ResumedRun> finished = [];
        var store = new AfterListing(world.SpoolMemory, SpoolNames.Runs,
            async () => finished = await BackupWriter.ResumeLeftAsync(other.Vault, first, default));
        await using var second = await world.OpenSpoolAsync(vault, store);
        store.IsArmed = true;
        Assert.Empty(await BackupWriter.ResumeLeftAsync(vault.Vault, second, default));
        Assert.NotNull(Assert.Single(finished).Point);
    }

    [Fact]
    public async Task A_run_whose_part_of_the_spool_cannot_be_had_ends_its_session()
    {
        using var world = new SpoolWorld();
        await using var vault = SpoolWorld.VaultOver(world.Memory);
        await using var spool = await world.OpenSpoolAsync(vault);
        world.LoseLocks();
        await Assert.ThrowsAsync<StoreException>(() => SpoolWorld.BackUpAsync(vault, spool, s_first));
        List<string> sessions = [];
        await foreach (var entry in world.Memory.ListAsync(ObjectNames.Sessions, default)) sessions.Add(entry.Name);
        Assert.Contains(sessions, name => name.EndsWith(".ended", StringComparison.Ordinal));
    }

    // As a process leaves it that is killed when it has sent its point and heard nothing.
    private static async Task<LatePoints> LeaveInDoubtAsync(SpoolWorld world)
    {
        var late = new LatePoints(world.Memory);
        await using var dead = SpoolWorld.VaultOver(late);
        await using var spool = await world.OpenSpoolAsync(dead);
        await Assert.ThrowsAsync<StoreException>(() => SpoolWorld.BackUpAsync(dead, spool, s_first));
        return late;
    }

    // As a process leaves it that is killed when all is read, before anything could be sent.
    private static async Task LeaveSealedAsync(SpoolWorld world)
    {
        var store = new WithoutPacks(world.Memory);
        await using var vault = SpoolWorld.VaultOver(store);
        await using var spool = await world.OpenSpoolAsync(vault);
        await using var run = await BackupWriter.StartAsync(vault.Vault, "backup", null, default, spool);
        var volume = await new DataPath.ExportPipeline(run, vault.Options).ExportAsync(
            new("disk", new MemoryVolume(s_first), null, null), null, default);
        await run.SealAsync("server", PointType.Full, null, [volume], default);
        store.Away.SetException(new StoreException(StoreFailure.Unreachable, "write", "packs", "it is away"));
        await Assert.ThrowsAsync<StoreException>(() => run.PublishAsync("server", PointType.Full, null, [volume], default));
        Assert.Contains(await world.WaitingAsync(), name => name.EndsWith("/sealed", StringComparison.Ordinal));
    }

    /// <summary>Says that a point's commit failed, and does it when it is told to: its process is no more by then.</summary>
    private sealed class LatePoints(IObjectStore inner) : DecoratingStore(inner)
    {
        private IObjectWriter? _point;

        public Task ArriveAsync() => _point!.CommitAsync(default).AsTask();

        protected override async Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
        {
            var result = await run(cancellation);
            if (operation != StoreOperation.OpenWriter || !name.StartsWith(ObjectNames.Points, StringComparison.Ordinal)) return result;
            _point = (IObjectWriter)(object)result!;
            return (T)(object)new Late(_point);
        }

        private sealed class Late(IObjectWriter writer) : IObjectWriter
        {
            public long Length => writer.Length;

            public ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation) =>
                writer.AppendAsync(piece, cancellation);

            public ValueTask CommitAsync(CancellationToken cancellation) =>
                throw new StoreException(StoreFailure.Unreachable, "commit", "points", "no answer came");

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }

    /// <summary>Does something when a listing has come to its end.</summary>
    private sealed class AfterListing(IObjectStore inner, string prefix, Func<Task> then) : DecoratingStore(inner)
    {
        public bool IsArmed { get; set; }

        public override async IAsyncEnumerable<ObjectEntry> ListAsync(
            string listed, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
        {
            await foreach (var entry in base.ListAsync(listed, cancellation)) yield return entry;
            if (!IsArmed || listed != prefix) yield break;
            IsArmed = false;
            await then();
        }

        protected override Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation) => run(cancellation);
    }

    /// <summary>Commits no pack before it is told to.</summary>
    private sealed class SlowPacks(IObjectStore inner, Task turn) : DecoratingStore(inner)
    {
        protected override async Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
        {
            if (operation == StoreOperation.Commit && name.StartsWith(ObjectNames.Packs, StringComparison.Ordinal)) await turn;
            return await run(cancellation);
        }
    }

    /// <summary>Takes no packs, and says so when it is told to.</summary>
    private sealed class WithoutPacks(IObjectStore inner) : DecoratingStore(inner)
    {
        public TaskCompletionSource Away { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
        {
            if (operation == StoreOperation.OpenWriter && name.StartsWith(ObjectNames.Packs, StringComparison.Ordinal)) await Away.Task;
            return await run(cancellation);
        }
    }
}

/// <summary>A process that works on several stores, and dies at one of its operations: none after it is done.</summary>
/// <param name="isApplied">Whether that one is done all the same.</param>
internal sealed class DyingProcess(int dieAt, bool isApplied)
{
    private int _calls;

    public bool Died => Volatile.Read(ref _calls) >= dieAt;

    public IObjectStore Of(IObjectStore store) => new Doomed(this, store);

    private sealed class Doomed(DyingProcess process, IObjectStore inner) : DecoratingStore(inner)
    {
        protected override async Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation) => await process.CallAsync(name, run, cancellation);
    }

    private async Task<T> CallAsync<T>(string name, Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
    {
        var call = Interlocked.Increment(ref _calls);
        if (call == dieAt && isApplied) await run(cancellation);
        if (call >= dieAt) throw new StoreException(StoreFailure.Other, "do", name, "the process is no more");
        return await run(cancellation);
    }
}
