using System.Text;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

/// <summary>What every object store must do. A class per implementation derives from this.</summary>
public abstract class ObjectStoreConformance : IAsyncLifetime
{
    IObjectStore? store;

    protected IObjectStore Store => store ?? throw new InvalidOperationException("Not opened.");

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>An empty store.</summary>
    protected abstract ValueTask<IObjectStore> OpenAsync();

    /// <summary>Whether the test's own objects are all that reaches the store at once.</summary>
    protected virtual int ModelRuns => 100;

    public async ValueTask InitializeAsync() => store = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        if (store is not null)
            await store.DisposeAsync();
        await CleanUpAsync();
        GC.SuppressFinalize(this);
    }

    protected virtual ValueTask CleanUpAsync() => ValueTask.CompletedTask;

    protected static byte[] Bytes(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    protected static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    static async Task<StoreFailure> FailureOf(Func<Task> act) =>
        (await Assert.ThrowsAsync<StoreException>(act)).Failure;

    // Not Assert.Equal, which takes seconds for tens of megabytes.
    static void AssertSame(byte[] expected, byte[] found) => Assert.True(expected.AsSpan().SequenceEqual(found));

    async Task<byte[]> ReadWhole(string name, int length)
    {
        byte[] buffer = new byte[length];
        int read = await Store.ReadAsync(name, 0, buffer, Token);
        return buffer[..read];
    }

    async Task<List<string>> Names(string prefix)
    {
        List<string> names = [];
        await foreach (var entry in Store.ListAsync(prefix, Token))
            names.Add(entry.Name);
        return names;
    }

    async Task<List<UnfinishedObject>> Unfinished()
    {
        List<UnfinishedObject> found = [];
        await foreach (var one in Store.ListUnfinishedAsync(Token))
            found.Add(one);
        return found;
    }

    async Task Write(string name, ReadOnlyMemory<byte> content, int pieceLength)
    {
        await using var writer = await Store.OpenWriterAsync(name, Token);
        for (int at = 0; at < content.Length; at += pieceLength)
            await writer.AppendAsync(content.Slice(at, Math.Min(pieceLength, content.Length - at)), Token);
        Assert.Equal(content.Length, writer.Length);
        await writer.CommitAsync(Token);
    }

    [Fact]
    public async Task What_was_put_is_got()
    {
        byte[] content = Bytes(70_000);
        await Store.PutAsync("points/p1", content, Token);
        Assert.Equal(content, await Store.GetAsync("points/p1", content.Length, Token));
        Assert.True(await Store.ExistsAsync("points/p1", Token));
    }

    [Fact]
    public async Task A_put_replaces_what_was_there()
    {
        await Store.PutAsync("sessions/s.beat", Text("a longer first"), Token);
        await Store.PutAsync("sessions/s.beat", Text("second"), Token);
        Assert.Equal("second", Encoding.UTF8.GetString(await Store.GetAsync("sessions/s.beat", 100, Token)));
    }

    [Fact]
    public async Task An_object_may_be_empty()
    {
        await Store.PutAsync("collectors/c", ReadOnlyMemory<byte>.Empty, Token);
        Assert.Empty(await Store.GetAsync("collectors/c", 0, Token));
        Assert.Equal(0, await Store.ReadAsync("collectors/c", 0, new byte[8], Token));
        Assert.Equal((0, 0L), await Store.ReadTailAsync("collectors/c", new byte[8], Token));
        await Write("packs/ab/empty", ReadOnlyMemory<byte>.Empty, 1);
        Assert.Equal(0, await Store.ReadAsync("packs/ab/empty", 0, new byte[8], Token));
    }

    [Fact]
    public async Task A_get_refuses_what_is_longer_than_expected()
    {
        await Store.PutAsync("index/i", Bytes(11), Token);
        Assert.Equal(11, (await Store.GetAsync("index/i", 11, Token)).Length);
        Assert.Equal(StoreFailure.TooLong, await FailureOf(() => Store.GetAsync("index/i", 10, Token)));
    }

    [Fact]
    public async Task Ranges_end_where_the_object_ends()
    {
        byte[] content = Bytes(100);
        await Store.PutAsync("packs/ab/p", content, Token);
        byte[] buffer = new byte[40];
        Assert.Equal(40, await Store.ReadAsync("packs/ab/p", 0, buffer, Token));
        Assert.Equal(content[..40], buffer);
        Assert.Equal(40, await Store.ReadAsync("packs/ab/p", 60, buffer, Token));
        Assert.Equal(content[60..], buffer);
        Assert.Equal(1, await Store.ReadAsync("packs/ab/p", 99, buffer, Token));
        Assert.Equal(content[99], buffer[0]);
        Assert.Equal(0, await Store.ReadAsync("packs/ab/p", 100, buffer, Token));
        Assert.Equal(0, await Store.ReadAsync("packs/ab/p", 1L << 40, buffer, Token));
        Assert.Equal(0, await Store.ReadAsync("packs/ab/p", 3, Memory<byte>.Empty, Token));
    }

    [Fact]
    public async Task A_tail_says_how_long_the_object_is()
    {
        byte[] content = Bytes(100);
        await Store.PutAsync("packs/ab/p", content, Token);
        byte[] buffer = new byte[30];
        Assert.Equal((30, 100L), await Store.ReadTailAsync("packs/ab/p", buffer, Token));
        Assert.Equal(content[70..], buffer);
        Assert.Equal((0, 100L), await Store.ReadTailAsync("packs/ab/p", Memory<byte>.Empty, Token));
        byte[] exact = new byte[100];
        Assert.Equal((100, 100L), await Store.ReadTailAsync("packs/ab/p", exact, Token));
        Assert.Equal(content, exact);
    }

    [Fact]
    public async Task A_tail_longer_than_the_object_stands_at_the_start_of_the_buffer()
    {
        byte[] content = Bytes(10);
        await Store.PutAsync("packs/ab/p", content, Token);
        byte[] buffer = new byte[1000];
        Assert.Equal((10, 10L), await Store.ReadTailAsync("packs/ab/p", buffer, Token));
        Assert.Equal(content, buffer[..10]);
    }

    [Fact]
    public async Task A_missing_object_is_not_found_by_any_operation()
    {
        await Store.PutAsync("points/here", Text("x"), Token);
        foreach (string name in new[] { "points/missing", "missing", "points/here/below", "never/seen/before" })
        {
            Assert.Equal(StoreFailure.NotFound, await FailureOf(() => Store.GetAsync(name, 10, Token)));
            Assert.Equal(StoreFailure.NotFound,
                await FailureOf(() => Store.ReadAsync(name, 0, new byte[4], Token).AsTask()));
            Assert.Equal(StoreFailure.NotFound,
                await FailureOf(() => Store.ReadAsync(name, 0, Memory<byte>.Empty, Token).AsTask()));
            Assert.Equal(StoreFailure.NotFound,
                await FailureOf(() => Store.ReadTailAsync(name, new byte[4], Token).AsTask()));
            Assert.False(await Store.ExistsAsync(name, Token));
        }
    }

    [Fact]
    public async Task A_folder_of_objects_is_no_object()
    {
        await Store.PutAsync("packs/ab/p", Text("x"), Token);
        Assert.False(await Store.ExistsAsync("packs/ab", Token));
        Assert.Equal(StoreFailure.NotFound, await FailureOf(() => Store.GetAsync("packs/ab", 10, Token)));
        Assert.Equal(StoreFailure.NotFound,
            await FailureOf(() => Store.ReadAsync("packs/ab", 0, new byte[4], Token).AsTask()));
        await Store.DeleteAsync("packs/ab", Token);
        Assert.Equal(["packs/ab/p"], await Names(""));
    }

    [Fact]
    public async Task A_failure_names_the_operation_and_the_object()
    {
        var failure = await Assert.ThrowsAsync<StoreException>(() => Store.GetAsync("points/missing", 10, Token));
        Assert.Equal("points/missing", failure.ObjectName);
        Assert.Equal("read", failure.Operation);
        Assert.StartsWith("read points/missing: ", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task Deleting_twice_is_no_error()
    {
        await Store.PutAsync("points/p", Text("x"), Token);
        await Store.DeleteAsync("points/p", Token);
        await Store.DeleteAsync("points/p", Token);
        await Store.DeleteAsync("no/such/folder", Token);
        Assert.False(await Store.ExistsAsync("points/p", Token));
        Assert.Empty(await Names(""));
    }

    [Fact]
    public async Task A_deleted_pack_is_gone_although_it_was_just_read()
    {
        await Write("packs/ab/p", Bytes(100), 100);
        Assert.Equal(100, (await ReadWhole("packs/ab/p", 100)).Length);
        await Store.DeleteAsync("packs/ab/p", Token);
        Assert.Equal(StoreFailure.NotFound, await FailureOf(() => ReadWhole("packs/ab/p", 100)));
    }

    [Fact]
    public async Task The_store_can_create_once_and_leaves_no_probe_behind()
    {
        Assert.True(await Store.CanCreateOnceAsync(Token));
        Assert.True(await Store.CanCreateOnceAsync(Token));
        Assert.Empty(await Names(""));
    }

    [Fact]
    public async Task Creating_once_keeps_the_first_content()
    {
        Assert.True(await Store.CreateOnceAsync("sessions/s.decision", Text("first"), Token));
        Assert.False(await Store.CreateOnceAsync("sessions/s.decision", Text("second"), Token));
        Assert.Equal("first", Encoding.UTF8.GetString(await Store.GetAsync("sessions/s.decision", 100, Token)));
        await Store.DeleteAsync("sessions/s.decision", Token);
        Assert.True(await Store.CreateOnceAsync("sessions/s.decision", Text("third"), Token));
    }

    [Fact]
    public async Task One_of_sixteen_racers_creates()
    {
        for (int round = 0; round < 8; round++)
        {
            string name = $"sessions/race{round}.decision";
            using var start = new Barrier(16);
            var racers = Enumerable.Range(0, 16).Select(i => Task.Factory.StartNew(async () =>
            {
                start.SignalAndWait(Token);
                return (Racer: i, Won: await Store.CreateOnceAsync(name, Text($"racer {i}"), Token));
            }, Token, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap());
            var winner = Assert.Single(await Task.WhenAll(racers), r => r.Won);
            Assert.Equal($"racer {winner.Racer}", Encoding.UTF8.GetString(await Store.GetAsync(name, 100, Token)));
        }
    }

    [Fact]
    public async Task A_large_object_appears_at_its_commit_and_not_before()
    {
        byte[] content = Bytes(300_000);
        await using var writer = await Store.OpenWriterAsync("packs/ab/p", Token);
        await writer.AppendAsync(content.AsMemory(0, 100_000), Token);
        await writer.AppendAsync(content.AsMemory(100_000), Token);
        Assert.False(await Store.ExistsAsync("packs/ab/p", Token));
        Assert.Empty(await Names(""));
        await writer.CommitAsync(Token);
        Assert.Equal(content, await ReadWhole("packs/ab/p", 400_000));
        Assert.Empty(await Unfinished());
        await writer.CommitAsync(Token);
        await writer.DisposeAsync();
        Assert.Equal(["packs/ab/p"], await Names("packs/"));
    }

    [Fact]
    public async Task A_writer_that_is_disposed_of_without_a_commit_leaves_nothing()
    {
        await using (var writer = await Store.OpenWriterAsync("packs/ab/p", Token))
        {
            for (int i = 0; i < 9; i++)
                await writer.AppendAsync(Bytes(1 << 20), Token);
        }
        Assert.Empty(await Names(""));
        Assert.Empty(await Unfinished());
    }

    [Fact]
    public async Task A_buffer_may_be_used_again_after_an_append()
    {
        byte[] buffer = new byte[1000];
        byte[] expected = new byte[50_000];
        await using var writer = await Store.OpenWriterAsync("packs/ab/p", Token);
        for (int i = 0; i < 50; i++)
        {
            new Random(i).NextBytes(buffer);
            buffer.CopyTo(expected, i * 1000);
            await writer.AppendAsync(buffer, Token);
        }
        await writer.CommitAsync(Token);
        Assert.Equal(expected, await ReadWhole("packs/ab/p", 60_000));
    }

    [Theory]
    [InlineData(5 << 20)]
    [InlineData((5 << 20) + 1)]
    [InlineData((20 << 20) + 3)]
    public async Task Objects_around_the_length_of_a_part_are_whole(int length)
    {
        byte[] content = Bytes(length);
        await Write("packs/cd/large", content, 1_000_003);
        AssertSame(content, await ReadWhole("packs/cd/large", length + 1));
        byte[] middle = new byte[2 << 20];
        int offset = Math.Min((5 << 20) - 7, length - middle.Length);
        Assert.Equal(middle.Length, await Store.ReadAsync("packs/cd/large", offset, middle, Token));
        Assert.True(content.AsSpan(offset, middle.Length).SequenceEqual(middle));
        byte[] tail = new byte[4096];
        Assert.Equal((4096, (long)length), await Store.ReadTailAsync("packs/cd/large", tail, Token));
        Assert.Equal(content[^4096..], tail);
        await foreach (var entry in Store.ListAsync("packs/cd/", Token))
            Assert.Equal(new ObjectEntry("packs/cd/large", length), entry);
        Assert.Empty(await Unfinished());
    }

    [Fact]
    public async Task A_piece_may_be_longer_than_a_part()
    {
        byte[] content = Bytes((17 << 20) + 5);
        await Write("packs/cd/p", content, content.Length);
        AssertSame(content, await ReadWhole("packs/cd/p", content.Length + 1));
    }

    [Fact]
    public async Task More_writers_than_parts_in_flight_can_be_filled_in_turn_by_one_caller()
    {
        var writers = new List<IObjectWriter>();
        for (int i = 0; i < 12; i++)
            writers.Add(await Store.OpenWriterAsync($"packs/ef/p{i:00}", Token));
        byte[] piece = Bytes(100_000);
        for (int round = 0; round < 2; round++)
        {
            foreach (var writer in writers)
                await writer.AppendAsync(piece, Token);
        }
        foreach (var writer in writers)
        {
            await writer.CommitAsync(Token);
            await writer.DisposeAsync();
        }
        Assert.Equal(12, (await Names("packs/ef/")).Count);
    }

    [Fact]
    public async Task An_unfinished_object_is_listed_and_once_discarded_its_writer_fails()
    {
        await using var writer = await Store.OpenWriterAsync("packs/ab/p", Token);
        for (int i = 0; i < 9; i++)
            await writer.AppendAsync(Bytes(1 << 20), Token);
        var unfinished = Assert.Single(await Unfinished());
        Assert.Equal("packs/ab/p", unfinished.Name);
        Assert.Empty(await Names(""));

        await Store.DiscardUnfinishedAsync(unfinished, Token);
        await Store.DiscardUnfinishedAsync(unfinished, Token);
        Assert.Empty(await Unfinished());
        Assert.Equal(StoreFailure.NotFound, await FailureOf(async () => await writer.CommitAsync(Token)));
        Assert.False(await Store.ExistsAsync("packs/ab/p", Token));
    }

    [Fact]
    public async Task Two_writers_of_one_name_do_not_disturb_each_other()
    {
        byte[] first = Bytes(9 << 20, 1), second = Bytes(10 << 20, 2);
        await using var a = await Store.OpenWriterAsync("packs/ab/p", Token);
        await using var b = await Store.OpenWriterAsync("packs/ab/p", Token);
        await a.AppendAsync(first, Token);
        await b.AppendAsync(second, Token);
        Assert.Equal(2, (await Unfinished()).Count);
        await b.CommitAsync(Token);
        await a.CommitAsync(Token);
        AssertSame(first, await Store.GetAsync("packs/ab/p", 20 << 20, Token));
    }

    [Fact]
    public async Task Listings_are_in_ordinal_order_and_keep_to_their_prefix()
    {
        string[] names =
        [
            "A", "a-b/x", "a.b", "a/b", "a/b-c", "a/b.c/d", "a/c/d", "a0", "aB", "aa/b", "ab", "b/a/c", "b/aa/b",
        ];
        foreach (string name in names.Reverse())
            await Store.PutAsync(name, Text(name), Token);
        Assert.Equal(names, names.Order(StringComparer.Ordinal));
        foreach (string prefix in new[] { "", "a", "a/", "a/b", "a/c/", "b/a", "b/aa/b", "b/aa/bb", "none", "A/", "z/z" })
        {
            Assert.Equal(names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)), await Names(prefix));
        }
        await foreach (var entry in Store.ListAsync("", Token))
            Assert.Equal(entry.Name.Length, entry.LengthBytes);
    }

    [Fact]
    public async Task Thousands_of_names_are_listed()
    {
        string[] names = [.. Enumerable.Range(0, 2100).Select(i => $"index/{i * 7919 % 2100:x8}")];
        await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Token },
            async (name, token) => await Store.PutAsync(name, Text("x"), token));
        Assert.Equal(names.Order(StringComparer.Ordinal), await Names("index/"));
    }

    [Fact]
    public async Task A_listing_survives_deletes_while_it_runs()
    {
        string[] names = [.. Enumerable.Range(0, 40).Select(i => $"packs/{i:x2}/p")];
        foreach (string name in names)
            await Store.PutAsync(name, Text("x"), Token);
        List<string> seen = [];
        await foreach (var entry in Store.ListAsync("packs/", Token))
        {
            if (seen.Count == 0)
            {
                foreach (string name in names.Where((_, i) => i % 2 == 1))
                    await Store.DeleteAsync(name, Token);
            }
            seen.Add(entry.Name);
        }
        Assert.Equal(seen.Order(StringComparer.Ordinal), seen);
        Assert.Equal(seen.Distinct(), seen);
        Assert.Subset(seen.ToHashSet(), names.Where((_, i) => i % 2 == 0).ToHashSet());
    }

    [Fact]
    public async Task Nothing_is_done_for_a_caller_who_has_cancelled()
    {
        await Store.PutAsync("points/p", Text("x"), Token);
        await using var writer = await Store.OpenWriterAsync("packs/ab/p", Token);
        var cancelled = new CancellationToken(canceled: true);
        Func<Task>[] operations =
        [
            () => Store.PutAsync("points/q", Text("x"), cancelled),
            () => Store.CreateOnceAsync("points/q", Text("x"), cancelled),
            () => Store.CanCreateOnceAsync(cancelled),
            () => Store.OpenWriterAsync("points/q", cancelled).AsTask(),
            () => writer.AppendAsync(Text("x"), cancelled).AsTask(),
            () => writer.CommitAsync(cancelled).AsTask(),
            () => Store.ReadAsync("points/p", 0, new byte[1], cancelled).AsTask(),
            () => Store.ReadTailAsync("points/p", new byte[1], cancelled).AsTask(),
            () => Store.GetAsync("points/p", 1, cancelled),
            () => Store.ExistsAsync("points/p", cancelled),
            () => Store.DeleteAsync("points/p", cancelled),
            async () => { await foreach (var _ in Store.ListAsync("", cancelled)) { } },
            async () => { await foreach (var _ in Store.ListUnfinishedAsync(cancelled)) { } },
        ];
        foreach (var operation in operations)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(operation);
        Assert.Equal(["points/p"], await Names(""));
    }

    [Theory]
    [MemberData(nameof(HostileNames))]
    public async Task Hostile_names_are_refused_by_every_operation(string name)
    {
        Func<Task>[] operations =
        [
            () => Store.PutAsync(name, Text("x"), Token),
            () => Store.CreateOnceAsync(name, Text("x"), Token),
            () => Store.OpenWriterAsync(name, Token).AsTask(),
            () => Store.ReadAsync(name, 0, new byte[1], Token).AsTask(),
            () => Store.ReadTailAsync(name, new byte[1], Token).AsTask(),
            () => Store.GetAsync(name, 1, Token),
            () => Store.ExistsAsync(name, Token),
            () => Store.DeleteAsync(name, Token),
        ];
        foreach (var operation in operations)
        {
            var refusal = await Assert.ThrowsAnyAsync<ArgumentException>(operation);
            Assert.DoesNotContain(refusal.Message, char.IsControl);
        }
        Assert.Empty(await Names(""));
    }

    public static TheoryData<string> HostileNames() =>
    [
        "", "/", "/etc/passwd", "a/", "a//b", "..", "../a", "a/..", "a/../b", ".", "./a", "a/./b", ".hidden", "a/.hidden",
        "a b", "a\0b", "a\nb", "a\u001bb", "a\\b", "a%2fb", "a:b", "a~b", "a,b", "ä", "a\u202eb", "unfinished",
        "unfinished/a", new string('a', 201),
    ];

    [Fact]
    public async Task Hostile_prefixes_are_refused()
    {
        foreach (string prefix in new[] { "/", "../", "a/..", "a//", ".", "a\0" })
            await Assert.ThrowsAnyAsync<ArgumentException>(() => Names(prefix));
    }

    [Fact]
    public async Task The_longest_name_works()
    {
        string name = $"packs/{new string('a', 194)}";
        await Store.PutAsync(name, Text("x"), Token);
        await Write(name, Text("y"), 1);
        Assert.Equal([name], await Names(name));
    }

    [Fact]
    public Task Any_sequence_of_operations_agrees_with_a_dictionary() => StoreModel.CheckAsync(Store, ModelRuns);
}
