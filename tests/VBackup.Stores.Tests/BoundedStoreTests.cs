using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

public sealed class BoundedStoreConformanceTests : ObjectStoreConformance
{
    readonly TemporaryFolder folder = new();

    protected override ValueTask<IObjectStore> OpenAsync() => ValueTask.FromResult<IObjectStore>(
        new BoundedStore(FileSystemStore.Open(folder.Path), new FileSystemPatience(folder.Path, new(), TimeProvider.System)));

    protected override ValueTask CleanUpAsync()
    {
        folder.Dispose();
        return ValueTask.CompletedTask;
    }
}

public sealed class BoundedStoreTests : IAsyncDisposable
{
    static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    readonly FakeTimeProvider clock = new();
    readonly StickingStore sticking = new();
    readonly Channel<string> told = Channel.CreateUnbounded<string>();
    readonly BoundedStore store;

    public BoundedStoreTests() => store = new(sticking, new("/mnt/far",
        new() { OperationTimeout = TimeSpan.FromSeconds(300), OnWaiting = line => told.Writer.TryWrite(line) }, clock));

    // Ends what sticks.
    public async ValueTask DisposeAsync()
    {
        sticking.Release();
        await store.DisposeAsync();
    }

    void Advance(double seconds) => clock.Advance(TimeSpan.FromSeconds(seconds));

    // What waits may ask for its next time a moment after the last one is over.
    async Task PassAsync(Task until)
    {
        while (!until.IsCompleted)
        {
            Advance(1);
            await Task.Yield();
        }
    }

    static async Task<StoreException> FailsAsync(Task task)
    {
        var failure = await Assert.ThrowsAsync<StoreException>(() => task);
        Assert.Equal(StoreFailure.Unreachable, failure.Failure);
        return failure;
    }

    [Fact]
    public async Task It_is_told_once_after_five_seconds_whom_is_waited_for_and_an_answer_is_still_taken()
    {
        var turn = sticking.Stick();
        var operations = Enumerable.Range(0, 3).Select(_ => store.PutAsync("a", new byte[10], Token)).ToArray();
        Advance(4.9);
        Assert.Equal(0, told.Reader.Count);
        Advance(0.2);
        Assert.Equal("/mnt/far: no answer from the file system for 5 s; it is waited for, at most 300 s for each operation",
            await told.Reader.ReadAsync(Token));
        Advance(200);
        Assert.DoesNotContain(operations, one => one.IsCompleted);
        turn.SetResult();
        await Task.WhenAll(operations);
        Assert.Equal(0, told.Reader.Count);
    }

    [Fact]
    public async Task After_its_time_an_operation_fails_and_names_the_folder()
    {
        sticking.Stick();
        var exists = store.ExistsAsync("a", Token);
        var began = clock.GetTimestamp();
        await PassAsync(exists);
        var failure = await FailsAsync(exists);
        Assert.True(clock.GetElapsedTime(began) >= TimeSpan.FromSeconds(300));
        Assert.Equal("look for a: no answer from the file system within 300 s of /mnt/far", failure.Message);
    }

    [Fact]
    public async Task A_cancellation_is_honoured_at_once_and_a_second_operation_then_has_little_time()
    {
        var turn = sticking.Stick();
        using var stop = new CancellationTokenSource();
        var put = store.PutAsync("a", new byte[10], stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => put);
        Assert.Equal(0, told.Reader.Count);
        var delete = store.DeleteAsync("b", CancellationToken.None);
        Advance(5.1);
        await FailsAsync(delete);
        // No time was enough for that one, so no other is begun.
        var calls = sticking.Calls;
        await FailsAsync(store.DeleteAsync("c", CancellationToken.None));
        Assert.Equal(calls, sticking.Calls);

        turn.SetResult();
        await sticking.IdleAsync();
        Assert.True(await sticking.Memory.ExistsAsync("a", Token));
    }

    [Fact]
    public async Task A_writer_whose_append_was_left_never_commits_and_is_discarded_when_the_append_comes_back()
    {
        var writer = await store.OpenWriterAsync("packs/p", Token);
        await writer.AppendAsync(new byte[100], Token);
        var turn = sticking.Stick();
        using var stop = new CancellationTokenSource();
        var append = writer.AppendAsync(new byte[100], stop.Token).AsTask();
        await sticking.BegunAsync();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => append);
        await Assert.ThrowsAsync<InvalidOperationException>(() => writer.CommitAsync(Token).AsTask());
        await Assert.ThrowsAsync<InvalidOperationException>(() => writer.AppendAsync(new byte[1], Token).AsTask());

        var disposal = writer.DisposeAsync().AsTask();
        Assert.Equal(0, sticking.Disposed);
        Advance(5.1);
        await disposal;
        Assert.Equal(0, sticking.Disposed);
        turn.SetResult();
        await sticking.DisposedAsync();
        Assert.False(await sticking.Memory.ExistsAsync("packs/p", Token));
        Assert.Equal(1, sticking.CommitsAndAppendsAfterStart);
    }

    [Fact]
    public async Task What_was_left_writes_what_it_was_given_and_reads_into_nobody_elses_memory()
    {
        await sticking.Memory.PutAsync("r", new byte[] { 1, 2, 3, 4 }, Token);
        var writer = await store.OpenWriterAsync("w", Token);
        var turn = sticking.Stick();
        using var stop = new CancellationTokenSource();
        byte[] sent = [5, 6, 7, 8], received = [9, 9, 9, 9];
        var append = writer.AppendAsync(sent, stop.Token).AsTask();
        var read = store.ReadAsync("r", 0, received, stop.Token).AsTask();
        await sticking.BegunAsync(2);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => append);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        // The callers use their memory, and the pool's, for something else.
        Array.Fill(sent, (byte)0);
        byte[][] rented = [.. Enumerable.Range(0, 64).Select(_ => System.Buffers.ArrayPool<byte>.Shared.Rent(4))];
        foreach (var one in rented) Array.Fill(one, (byte)7);
        turn.SetResult();
        await sticking.IdleAsync();
        Assert.Equal([5, 6, 7, 8], sticking.Appended);
        Assert.Equal([9, 9, 9, 9], received);
        Assert.All(rented, one => Assert.All(one, value => Assert.Equal(7, value)));
        await writer.DisposeAsync();
    }

    [Fact]
    public async Task A_writer_that_is_opened_too_late_is_discarded()
    {
        var turn = sticking.Stick();
        var opening = store.OpenWriterAsync("packs/p", Token).AsTask();
        await PassAsync(opening);
        await FailsAsync(opening);
        turn.SetResult();
        await sticking.DisposedAsync();
    }

    [Fact]
    public async Task A_listing_that_was_left_is_not_disposed_of_in_mid_step()
    {
        sticking.Stick();
        using var stop = new CancellationTokenSource();
        var steps = store.ListAsync("", stop.Token).GetAsyncEnumerator(stop.Token);
        var step = steps.MoveNextAsync().AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => step);
        await steps.DisposeAsync();
    }

    [Fact]
    public async Task A_folder_on_a_disk_of_this_machine_is_not_bounded()
    {
        using var folder = new TemporaryFolder();
        var files = FileSystemStore.Open(folder.Path);
        await using var around = BoundedStore.Around(files, new(folder.Path, new(), clock));
        Assert.Same(files, around);
        await using var proc = FileSystemStore.Open("/proc");
        Assert.False(proc.IsOnLocalDisk);
    }

    /// <summary>Operations of it wait while it sticks, and hear of no cancellation, as in the kernel.</summary>
    sealed class StickingStore() : DecoratingStore(new MemoryStore())
    {
        readonly Lock gate = new();
        readonly List<Task> running = [];
        readonly SemaphoreSlim begun = new(0);
        readonly TaskCompletionSource disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource? source;
        Task turn = Task.CompletedTask;

        public IObjectStore Memory => Inner;
        public int Calls { get; private set; }
        public int Disposed { get; private set; }
        public int CommitsAndAppendsAfterStart { get; private set; }
        public byte[] Appended { get; private set; } = [];

        public TaskCompletionSource Stick()
        {
            source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            CommitsAndAppendsAfterStart = 0;
            turn = source.Task;
            return source;
        }

        public void Release() => source?.TrySetResult();

        public async Task BegunAsync(int count = 1)
        {
            for (int i = 0; i < count; i++) await begun.WaitAsync(Token);
        }

        public Task IdleAsync()
        {
            lock (gate) return Task.WhenAll(running);
        }

        public Task DisposedAsync() => disposed.Task;

        Task<T> NoteAsync<T>(Func<Task<T>> run)
        {
            lock (gate)
            {
                Calls++;
                var task = StickAsync(run);
                running.Add(task);
                if (!turn.IsCompleted) begun.Release();
                return task;
            }
        }

        async Task<T> StickAsync<T>(Func<Task<T>> run)
        {
            await turn.ConfigureAwait(false);
            return await run().ConfigureAwait(false);
        }

        protected override ValueTask DisposeInnerAsync()
        {
            begun.Dispose();
            return base.DisposeInnerAsync();
        }

        protected override Task<T> AroundAsync<T>(StoreOperation operation, string name, long sentBytes,
            Func<CancellationToken, Task<T>> run, CancellationToken cancellation) =>
            NoteAsync(() => run(CancellationToken.None));

        public override async ValueTask<IObjectWriter> OpenWriterAsync(string name, CancellationToken cancellation) =>
            await NoteAsync(async () => (IObjectWriter)new Writer(this, await Inner.OpenWriterAsync(name, CancellationToken.None)));

        sealed class Writer(StickingStore store, IObjectWriter inner) : IObjectWriter
        {
            public long Length => inner.Length;

            public async ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation) =>
                await store.NoteAsync(async () =>
                {
                    store.CommitsAndAppendsAfterStart++;
                    store.Appended = piece.ToArray();
                    await inner.AppendAsync(piece, CancellationToken.None);
                    return true;
                });

            public async ValueTask CommitAsync(CancellationToken cancellation) =>
                await store.NoteAsync(async () =>
                {
                    store.CommitsAndAppendsAfterStart++;
                    await inner.CommitAsync(CancellationToken.None);
                    return true;
                });

            public async ValueTask DisposeAsync()
            {
                await inner.DisposeAsync();
                store.Disposed++;
                store.disposed.TrySetResult();
            }
        }
    }
}
