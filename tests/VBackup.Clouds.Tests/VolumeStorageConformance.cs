using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using Xunit;

namespace VBackup.Clouds.Tests;

/// <summary>What every storage of volumes must do. A class per implementation derives from this.</summary>
public abstract partial class VolumeStorageConformance : IAsyncLifetime
{
    /// <summary>Long enough for several of a storage's own pieces, and no multiple of them.</summary>
    protected const int Length = 9 * 1024 * 1024 + 4096;

    IVolumeStorage? _storage;

    protected IVolumeStorage Storage => _storage ?? throw new InvalidOperationException("Not opened.");

    protected IVolumeSnapshots Snapshots => Storage.Snapshots;

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Opens the storage; another object for each call, as another process would have.</summary>
    protected abstract ValueTask<IVolumeStorage> OpenAsync();

    /// <summary>Removes what the tests left. The storage that was opened first is disposed of already.</summary>
    protected virtual ValueTask CleanUpAsync() => ValueTask.CompletedTask;

    /// <summary>The storage's id for a volume; no other test's.</summary>
    protected virtual VolumeId Volume(string name) => new(name);

    /// <summary>An instant's name; no other test's, where that matters.</summary>
    protected virtual string Named(string name) => name;

    /// <summary>Leaves an instant as a process that died while taking it would.</summary>
    protected virtual Task LeaveHalfTakenAsync(string name, IReadOnlyList<VolumeId> volumes)
    {
        Assert.Skip("no way is known to leave half an instant here");
        return Task.CompletedTask;
    }

    /// <summary>Leaves a volume as a process that died while making it would.</summary>
    protected virtual Task LeaveHalfMadeAsync(VolumeId volume)
    {
        Assert.Skip("no way is known to leave half a volume here");
        return Task.CompletedTask;
    }

    /// <summary>Opens a volume as a server that runs has it open: it can be snapshotted meanwhile.</summary>
    protected virtual Task<IVolumeWriter> OpenAsServerAsync(VolumeId volume) => Storage.OpenWriterAsync(volume, new(), Token);

    public async ValueTask InitializeAsync() => _storage = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        if (_storage is not null) await _storage.DisposeAsync();
        await CleanUpAsync();
        GC.SuppressFinalize(this);
    }

    protected static byte[] Bytes(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    protected async Task<VolumeId> CreateAsync(string name, long lengthBytes = Length)
    {
        var volume = Volume(name);
        await Storage.CreateAsync(volume, lengthBytes, Token);
        return volume;
    }

    protected async Task WriteAsync(VolumeId volume, long offset, byte[] content)
    {
        await using var writer = await Storage.OpenWriterAsync(volume, new(), Token);
        await writer.WriteAsync(offset, content, Token);
        await writer.FlushAsync(Token);
    }

    protected async Task ZeroAsync(VolumeId volume, Extent range)
    {
        await using var writer = await Storage.OpenWriterAsync(volume, new(), Token);
        await writer.ZeroAsync(range, Token);
        await writer.FlushAsync(Token);
    }

    protected async Task<byte[]> ReadAsync(VolumeId volume)
    {
        await using var reader = await Storage.OpenReaderAsync(volume, Token);
        return await ReadAsync(reader);
    }

    protected async Task<byte[]> ReadAsync(string instant, VolumeId volume)
    {
        await using var reader = await Snapshots.OpenAsync(instant, volume, Token);
        return await ReadAsync(reader);
    }

    protected static async Task<byte[]> ReadAsync(IVolumeReader reader)
    {
        var bytes = new byte[reader.LengthBytes];
        await reader.ReadAsync(0, bytes, Token);
        return bytes;
    }

    // Not Assert.Equal, which takes seconds for megabytes.
    protected static void AssertSame(ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> found)
    {
        Assert.Equal(expected.Length, found.Length);
        var same = expected.Span.CommonPrefixLength(found.Span);
        Assert.True(same == expected.Length, $"differs at {same}");
    }

    protected static async Task<CloudFailure> FailureOf(Func<Task> act) => (await Assert.ThrowsAsync<CloudException>(act)).Failure;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_a_creation_that_died_has_left_can_be_removed(bool isRemovedAsVolume)
    {
        var volume = Volume("half");
        await LeaveHalfMadeAsync(volume);
        Assert.Null(await Storage.FindLengthAsync(volume, Token));
        if (isRemovedAsVolume) await Storage.RemoveAsync(volume, Token);
        else Assert.True(await Storage.RemoveUnfinishedAsync(volume, "run", Token));
        Assert.False(await Storage.RemoveUnfinishedAsync(volume, "run", Token));

        await LeaveHalfMadeAsync(volume);
        await CreateAsync("half");
        await WriteAsync(volume, 0, Bytes(4096));
        Assert.False(await Storage.RemoveUnfinishedAsync(volume, "run", Token));
        AssertSame(Bytes(4096), (await ReadAsync(volume)).AsMemory(0, 4096));
        await Storage.RemoveAsync(volume, Token);
        Assert.Null(await Storage.FindLengthAsync(volume, Token));
    }

    [Fact]
    public async Task What_is_allocated_is_told_and_no_more_than_the_volume_is_long()
    {
        const int written = 1 << 20;
        Assert.Null(await Storage.FindSizeAsync(Volume("nowhere"), Token));
        var volume = await CreateAsync("sparse");
        var fresh = Assert.NotNull(await Storage.FindSizeAsync(volume, Token));
        Assert.Equal(Length, fresh.LengthBytes);
        await WriteAsync(volume, 0, [.. Enumerable.Repeat((byte)7, written)]);
        var size = Assert.NotNull(await Storage.FindSizeAsync(volume, Token));
        Assert.InRange(Assert.NotNull(size.AllocatedBytes), Math.Max(written, Assert.NotNull(fresh.AllocatedBytes)), Length);
    }

    [Fact]
    public async Task Whether_a_volume_may_be_written_is_found_out_beside_whoever_uses_it_and_changes_nothing()
    {
        var volume = await CreateAsync("asked");
        var content = Bytes(Length);
        await WriteAsync(volume, 0, content);
        await Storage.RequireWritableAsync(volume, Token);
        await using (await OpenAsServerAsync(volume)) await Storage.RequireWritableAsync(volume, Token);
        AssertSame(content, await ReadAsync(volume));
        Assert.Empty(await Snapshots.ListAsync([volume], Token));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Storage.RequireWritableAsync(Volume("nowhere"), Token)));
    }

    [Fact]
    public async Task A_new_volume_has_its_length_and_reads_as_zeros()
    {
        var volume = await CreateAsync("fresh");
        Assert.Equal(Length, await Storage.FindLengthAsync(volume, Token));
        AssertSame(new byte[Length], await ReadAsync(volume));
    }

    [Fact]
    public async Task A_missing_volume_has_no_length() =>
        Assert.Null(await Storage.FindLengthAsync(Volume("nowhere"), Token));

    [Fact]
    public async Task A_missing_volume_is_named_as_such_by_every_call_that_needs_it()
    {
        var missing = Volume("nowhere");
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Storage.OpenReaderAsync(missing, Token)));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Storage.OpenWriterAsync(missing, new(), Token)));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Storage.OpenWriterAsync(missing, new() { TakesOver = true }, Token)));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Storage.ResizeAsync(missing, Length, Token)));
    }

    [Fact]
    public async Task A_volume_is_not_made_twice()
    {
        var volume = await CreateAsync("once");
        await WriteAsync(volume, 0, Bytes(100));
        Assert.Equal(CloudFailure.Exists, await FailureOf(() => Storage.CreateAsync(volume, Length * 2, Token)));
        Assert.Equal(Length, await Storage.FindLengthAsync(volume, Token));
        AssertSame(Bytes(100), (await ReadAsync(volume)).AsMemory(0, 100));
    }

    [Fact]
    public async Task Removing_a_volume_can_be_repeated()
    {
        var volume = await CreateAsync("passing");
        await Storage.RemoveAsync(volume, Token);
        Assert.Null(await Storage.FindLengthAsync(volume, Token));
        await Storage.RemoveAsync(volume, Token);

        await Storage.CreateAsync(volume, 4096, Token);
        AssertSame(new byte[4096], await ReadAsync(volume));
    }

    [Fact]
    public async Task A_volume_with_snapshots_is_not_removed()
    {
        var volume = await CreateAsync("kept");
        await Snapshots.TakeAsync(Named("instant-1"), [volume], Token);
        Assert.Equal(CloudFailure.InUse, await FailureOf(() => Storage.RemoveAsync(volume, Token)));
        await Snapshots.RemoveAsync(Named("instant-1"), [volume], Token);
        await Storage.RemoveAsync(volume, Token);
        Assert.Null(await Storage.FindLengthAsync(volume, Token));
    }

    [Fact]
    public async Task A_volume_that_is_being_written_is_not_removed()
    {
        var volume = await CreateAsync("busy");
        await using (var writer = await Storage.OpenWriterAsync(volume, new(), Token))
        {
            await writer.WriteAsync(0, Bytes(100), Token);
            Assert.Equal(CloudFailure.InUse, await FailureOf(() => Storage.RemoveAsync(volume, Token)));
        }
        await Storage.RemoveAsync(volume, Token);
    }

    [Fact]
    public async Task What_a_volume_grows_by_reads_as_zeros_even_where_it_was_cut_off_before()
    {
        var volume = await CreateAsync("growing");
        var content = Bytes(Length);
        await WriteAsync(volume, 0, content);
        await Storage.ResizeAsync(volume, 5_000_192, Token);
        Assert.Equal(5_000_192, await Storage.FindLengthAsync(volume, Token));
        AssertSame(content.AsMemory(0, 5_000_192), await ReadAsync(volume));

        await Storage.ResizeAsync(volume, Length, Token);
        content.AsSpan(5_000_192).Clear();
        AssertSame(content, await ReadAsync(volume));
    }

    [Fact]
    public async Task What_is_written_at_odd_places_is_read_at_odd_places()
    {
        var volume = await CreateAsync("odd");
        var model = new byte[Length];
        await using (var writer = await Storage.OpenWriterAsync(volume, new(), Token))
        {
            (int Offset, int Length)[] places = [(0, 1), (511, 2), (4095, 4098), (4_194_303, 2), (5_000_001, 1_000_003), (Length - 7, 7)];
            foreach (var (offset, length) in places)
            {
                var content = Bytes(length, seed: offset);
                content.CopyTo(model, offset);
                await writer.WriteAsync(offset, content, Token);
            }
            await writer.FlushAsync(Token);
            var back = new byte[8193];
            await writer.ReadAsync(4_194_001, back, Token);
            AssertSame(model.AsMemory(4_194_001, back.Length), back);
        }
        await using var reader = await Storage.OpenReaderAsync(volume, Token);
        Assert.Equal(Length, reader.LengthBytes);
        AssertSame(model, await ReadAsync(reader));
        foreach (var (offset, length) in ((int, int)[])[(0, 0), (1, 1), (4094, 4100), (Length - 1, 1), (4_194_000, 777_777)])
        {
            var piece = new byte[length];
            await reader.ReadAsync(offset, piece, Token);
            AssertSame(model.AsMemory(offset, length), piece);
        }
    }

    [Fact]
    public async Task Zeros_replace_what_a_range_held_and_nothing_else()
    {
        var volume = await CreateAsync("zeroed");
        var model = Bytes(Length);
        await WriteAsync(volume, 0, model);
        foreach (var range in (Extent[])[new(0, 1), new(3, 0), new(4097, 8190), new(1_000_001, 5_000_000), new(Length - 4096, 4096)])
        {
            await ZeroAsync(volume, range);
            model.AsSpan((int)range.Offset, (int)range.Length).Clear();
        }
        AssertSame(model, await ReadAsync(volume));
    }

    [Fact]
    public async Task Only_a_volume_said_to_be_new_is_known_to_be_zero()
    {
        var volume = await CreateAsync("known");
        await using (var fresh = await Storage.OpenWriterAsync(volume, new() { IsNew = true }, Token))
        {
            Assert.True(fresh.IsAllZero);
            Assert.Equal(Length, fresh.LengthBytes);
        }
        await using var used = await Storage.OpenWriterAsync(volume, new(), Token);
        Assert.False(used.IsAllZero);
    }

    [Fact]
    public async Task Nothing_lies_outside_of_the_allocated_extents()
    {
        var volume = await CreateAsync("sparse");
        var model = new byte[Length];
        foreach (var (offset, length) in ((int, int)[])[(4096, 1), (1_000_000, 70_000), (6_291_455, 2), (Length - 1, 1)])
        {
            var content = Bytes(length, seed: length);
            await WriteAsync(volume, offset, content);
            content.CopyTo(model, offset);
        }
        await ZeroAsync(volume, new(1_010_000, 20_000));
        model.AsSpan(1_010_000, 20_000).Clear();

        await using (var writer = await Storage.OpenWriterAsync(volume, new(), Token))
            AssertAllocated(model, writer.AllocatedExtents);
        await using (var reader = await Storage.OpenReaderAsync(volume, Token))
            AssertAllocated(model, reader.AllocatedExtents);
        await Snapshots.TakeAsync(Named("instant-1"), [volume], Token);
        await using (var reader = await Snapshots.OpenAsync(Named("instant-1"), volume, Token))
            AssertAllocated(model, reader.AllocatedExtents);
    }

    protected static void AssertAllocated(byte[] model, Func<long, IEnumerable<Extent>> allocatedFrom)
    {
        foreach (var from in (long[])[0, 1, 4097, 1_020_000, 6_291_456, model.Length - 1, model.Length])
        {
            var rest = model.ToArray();
            var end = from;
            foreach (var extent in allocatedFrom(from))
            {
                Assert.True(extent.Offset >= end && extent.Length > 0 && extent.End <= model.Length, $"{extent} after {end}, from {from}");
                rest.AsSpan((int)extent.Offset, (int)extent.Length).Clear();
                end = extent.End;
            }
            var missed = rest.AsSpan((int)from).IndexOfAnyExcept((byte)0);
            Assert.True(missed < 0, $"the byte at {from + missed} is in no extent, from {from}");
        }
    }

    [Fact]
    public async Task Many_reads_and_writes_may_be_under_way_at_once()
    {
        const int piece = 65_536;
        var volume = await CreateAsync("crowded");
        var model = Bytes(piece * 64);
        await using (var writer = await Storage.OpenWriterAsync(volume, new(), Token))
        {
            await Task.WhenAll(Enumerable.Range(0, 64).Select(
                i => Task.Run(async () => await writer.WriteAsync(i * piece, model.AsMemory(i * piece, piece), Token), Token)));
            await writer.FlushAsync(Token);
        }

        await using var reader = await Storage.OpenReaderAsync(volume, Token);
        var found = new byte[model.Length];
        await Task.WhenAll(Enumerable.Range(0, 64).Select(
            i => Task.Run(async () => await reader.ReadAsync(i * piece, found.AsMemory(i * piece, piece), Token), Token)));
        AssertSame(model, found);
    }

    [Fact]
    public async Task A_write_past_the_end_is_refused()
    {
        var volume = await CreateAsync("bounded", 8192);
        await using (var writer = await Storage.OpenWriterAsync(volume, new(), Token))
        {
            await Assert.ThrowsAnyAsync<IOException>(async () => await writer.WriteAsync(8000, Bytes(200), Token));
            await Assert.ThrowsAnyAsync<IOException>(async () => await writer.ZeroAsync(new(8000, 200), Token));
        }
        Assert.Equal(8192, await Storage.FindLengthAsync(volume, Token));
    }

    [Fact]
    public async Task A_second_writer_is_refused_as_long_as_the_first_is_there()
    {
        var volume = await CreateAsync("single");
        await using var other = await OpenAsync();
        await using (var first = await Storage.OpenWriterAsync(volume, new(), Token))
        {
            await first.WriteAsync(0, Bytes(512), Token);
            Assert.Equal(CloudFailure.InUse, await FailureOf(() => other.OpenWriterAsync(volume, new(), Token)));
            await first.WriteAsync(512, Bytes(512), Token);
            await first.FlushAsync(Token);
        }
        await using var second = await other.OpenWriterAsync(volume, new(), Token);
        await second.WriteAsync(0, Bytes(512, seed: 2), Token);
    }

    [Fact]
    public async Task Taking_over_shuts_the_old_writer_out_for_good()
    {
        var volume = await CreateAsync("contested");
        await using var other = await OpenAsync();
        await using var old = await Storage.OpenWriterAsync(volume, new(), Token);
        await old.WriteAsync(0, Bytes(4096, seed: 1), Token);
        await old.FlushAsync(Token);
        Assert.False(await old.IsShutOutAsync(Token));

        await using (var heir = await other.OpenWriterAsync(volume, new() { TakesOver = true }, Token))
        {
            Assert.True(await old.IsShutOutAsync(Token));
            Assert.False(await heir.IsShutOutAsync(Token));
            await heir.WriteAsync(8192, Bytes(4096, seed: 2), Token);
            await Assert.ThrowsAnyAsync<IOException>(async () =>
            {
                await old.WriteAsync(0, Bytes(4096, seed: 3), Token);
                await old.FlushAsync(Token);
            });
            await Assert.ThrowsAnyAsync<IOException>(async () =>
            {
                await old.ZeroAsync(new(8192, 4096), Token);
                await old.FlushAsync(Token);
            });
            await heir.FlushAsync(Token);
        }

        // Not even when nobody else has it any more.
        Assert.True(await old.IsShutOutAsync(Token));
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            await old.WriteAsync(8192, Bytes(4096, seed: 4), Token);
            await old.FlushAsync(Token);
        });
        await using var reader = await other.OpenReaderAsync(volume, Token);
        var found = await ReadAsync(reader);
        AssertSame(Bytes(4096, seed: 1), found.AsMemory(0, 4096));
        AssertSame(Bytes(4096, seed: 2), found.AsMemory(8192, 4096));
    }

    [Fact]
    public async Task Taking_over_what_nobody_has_is_an_ordinary_opening()
    {
        var volume = await CreateAsync("forsaken");
        await WriteAsync(volume, 0, Bytes(4096));
        await using (var writer = await Storage.OpenWriterAsync(volume, new() { TakesOver = true }, Token))
        {
            await writer.WriteAsync(4096, Bytes(4096, seed: 2), Token);
            await writer.FlushAsync(Token);
        }
        AssertSame((byte[])[.. Bytes(4096), .. Bytes(4096, seed: 2)], (await ReadAsync(volume)).AsMemory(0, 8192));
    }

    [Fact]
    public async Task A_claim_holds_until_somebody_else_takes_over_and_not_beyond()
    {
        var volume = await CreateAsync("claimed");
        await using var other = await OpenAsync();
        await using (await Storage.OpenWriterAsync(volume, new() { TakesOver = true, Claim = "first" }, Token)) { }
        // Whoever only has it open for a moment takes nothing over.
        await using (await other.OpenWriterAsync(volume, new(), Token)) { }
        await using (await Storage.OpenWriterAsync(volume, new() { Claim = "first" }, Token)) { }
        Assert.Equal("first", await other.FindClaimAsync(volume, Token));

        await using (await other.OpenWriterAsync(volume, new() { TakesOver = true, Claim = "second" }, Token)) { }
        Assert.Equal(CloudFailure.InUse, await FailureOf(() => Storage.OpenWriterAsync(volume, new() { Claim = "first" }, Token)));
        // What was refused does not stay in the way.
        await using (await other.OpenWriterAsync(volume, new() { Claim = "second" }, Token)) { }

        await using (var holder = await Storage.OpenWriterAsync(volume, new() { TakesOver = true, Claim = "third" }, Token))
            Assert.Equal("third", await other.FindClaimAsync(volume, Token));
        await using (await Storage.OpenWriterAsync(volume, new() { TakesOver = true }, Token)) { }
        Assert.Equal(CloudFailure.InUse, await FailureOf(() => other.OpenWriterAsync(volume, new() { Claim = "second" }, Token)));
        // Who gave no name is nobody whom others know.
        var unnamed = await other.FindClaimAsync(volume, Token);
        Assert.NotNull(unnamed);
        await using (await Storage.OpenWriterAsync(volume, new() { TakesOver = true }, Token)) { }
        Assert.NotEqual(unnamed, await other.FindClaimAsync(volume, Token));
    }

    [Fact]
    public async Task Who_looked_before_another_took_over_takes_nothing_from_him()
    {
        var volume = await CreateAsync("overtaken");
        await using var other = await OpenAsync();
        foreach (var later in (string?[])["first", "second", null])
        {
            var seen = new SeenClaim(await Storage.FindClaimAsync(volume, Token));
            await using var holder = await other.OpenWriterAsync(
                volume, new() { TakesOver = true, Claim = later, Seen = new(await other.FindClaimAsync(volume, Token)) }, Token);
            var claimed = await other.FindClaimAsync(volume, Token);
            Assert.Equal(CloudFailure.InUse, await FailureOf(
                () => Storage.OpenWriterAsync(volume, new() { TakesOver = true, Claim = "sleeper", Seen = seen }, Token)));
            Assert.Equal(claimed, await Storage.FindClaimAsync(volume, Token));
            await holder.WriteAsync(0, Bytes(4096), Token);
            await holder.FlushAsync(Token);
            Assert.False(await holder.IsShutOutAsync(Token));
        }
        // Whoever looks again is let in.
        var now = new SeenClaim(await Storage.FindClaimAsync(volume, Token));
        await using (await Storage.OpenWriterAsync(volume, new() { TakesOver = true, Claim = "last", Seen = now }, Token)) { }
        Assert.Equal("last", await other.FindClaimAsync(volume, Token));
    }

    [Fact]
    public async Task A_claim_on_what_nobody_ever_took_over_is_refused()
    {
        var volume = await CreateAsync("unclaimed");
        Assert.Equal(CloudFailure.InUse, await FailureOf(() => Storage.OpenWriterAsync(volume, new() { Claim = "mine" }, Token)));
        Assert.Null(await Storage.FindClaimAsync(volume, Token));
        Assert.Null(await Storage.FindClaimAsync(Volume("never"), Token));
    }

    [Fact]
    public async Task Free_space_is_told_or_not_known()
    {
        var volume = await CreateAsync("roomy");
        foreach (var one in (VolumeId[])[volume, Volume("not-made-yet")])
            Assert.True(await Storage.FindRoomAsync(one, Token) is null or { Place.Length: > 0, FreeBytes: > 0 });
    }

    [Fact]
    public async Task A_cancelled_call_does_nothing()
    {
        var volume = await CreateAsync("calm");
        await using var reader = await Storage.OpenReaderAsync(await CreateAsync("read"), Token);
        await using var writer = await Storage.OpenWriterAsync(volume, new(), Token);
        await writer.WriteAsync(0, Bytes(4096), Token);
        var cancelled = new CancellationToken(canceled: true);
        Func<Task>[] calls =
        [
            () => Storage.FindLengthAsync(volume, cancelled),
            () => Storage.CreateAsync(Volume("never"), Length, cancelled),
            () => Storage.RemoveAsync(volume, cancelled),
            () => Storage.ResizeAsync(volume, 4096, cancelled),
            () => Storage.OpenReaderAsync(volume, cancelled),
            () => Storage.OpenWriterAsync(volume, new(), cancelled),
            async () => await reader.ReadAsync(0, new byte[100], cancelled),
            async () => await writer.WriteAsync(0, Bytes(4096, seed: 2), cancelled),
            async () => await writer.ZeroAsync(new(0, 4096), cancelled),
            () => Snapshots.TakeAsync(Named("never"), [volume], cancelled),
            () => Snapshots.ListAsync([volume], cancelled),
            () => Snapshots.RemoveAsync(Named("never"), [volume], cancelled),
        ];
        foreach (var call in calls) await Assert.ThrowsAnyAsync<OperationCanceledException>(call);
        Assert.Null(await Storage.FindLengthAsync(Volume("never"), Token));
        Assert.Empty(await Snapshots.ListAsync([volume], Token));
        var left = new byte[4096];
        await writer.ReadAsync(0, left, Token);
        AssertSame(Bytes(4096), left);
        Assert.Equal(Length, await Storage.FindLengthAsync(volume, Token));
    }
}
