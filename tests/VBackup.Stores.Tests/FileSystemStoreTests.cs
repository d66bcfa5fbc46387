using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

public sealed class FileSystemStoreTests : IDisposable
{
    static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    string[] UnfinishedFiles() => Directory.GetFiles(Path.Combine(folder.Path, "unfinished"));

    static async Task<List<string>> Names(FileSystemStore store)
    {
        List<string> names = [];
        await foreach (var entry in store.ListAsync("", Token))
            names.Add(entry.Name);
        return names;
    }

    [Theory]
    [InlineData("../packs")]
    [InlineData("aa")]
    public async Task A_link_that_leads_back_is_named_by_a_listing_which_ends(string target)
    {
        await using var store = FileSystemStore.Open(folder.Path);
        await store.PutAsync("packs/bb/p", "x"u8.ToArray(), Token);
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, "packs", "aa"), target);
        var failure = await Assert.ThrowsAsync<StoreException>(() => Names(store));
        Assert.Equal("packs/aa", failure.ObjectName);
        Assert.Contains("leads back", failure.Reason, StringComparison.Ordinal);
    }

    // Whoever opens a pipe to read it waits until somebody writes to it.
    [Fact]
    public async Task A_pipe_or_a_socket_in_place_of_an_object_is_refused_and_not_waited_for()
    {
        await using var store = FileSystemStore.Open(folder.Path);
        await store.PutAsync("points/p", "x"u8.ToArray(), Token);
        SmallDisk.Run("mkfifo", Path.Combine(folder.Path, "points", "pipe"));
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder.Path, "points", "socket")));
        foreach (string name in new[] { "points/pipe", "points/socket" })
        {
            foreach (var read in new Func<Task>[]
            {
                () => store.GetAsync(name, 100, Token), () => store.ReadAsync(name, 0, new byte[1], Token).AsTask(),
                async () => await store.ReadTailAsync(name, new byte[1], Token),
            })
            {
                var failure = await Assert.ThrowsAsync<StoreException>(read);
                Assert.Equal((StoreFailure.Unreadable, name), (failure.Failure, failure.ObjectName));
                Assert.Contains("not a file but a pipe, a socket or a device", failure.Reason, StringComparison.Ordinal);
            }
        }
    }

    // The kernel gives EIO for memory that is not there, as for a sector that cannot be read.
    [Fact]
    public async Task What_the_disk_does_not_give_back_is_told_apart_from_other_failures()
    {
        await using var store = FileSystemStore.Open(folder.Path);
        await store.PutAsync("points/p", "x"u8.ToArray(), Token);
        File.CreateSymbolicLink(Path.Combine(folder.Path, "points", "bad"), "/proc/self/mem");
        var failure = await Assert.ThrowsAsync<StoreException>(() => store.ReadAsync("points/bad", 0, new byte[100], Token).AsTask());
        Assert.Equal(StoreFailure.Unreadable, failure.Failure);
        Assert.Equal(1, await store.ReadAsync("points/p", 0, new byte[100], Token));
    }

    [Fact]
    public async Task An_object_is_a_file_of_its_name()
    {
        await using var store = FileSystemStore.Open(folder.Path);
        Assert.Equal(folder.Path, store.Description);
        await store.PutAsync("points/p", "x"u8.ToArray(), Token);
        Assert.Equal("x", await File.ReadAllTextAsync(Path.Combine(folder.Path, "points", "p"), Token));
        Assert.Empty(UnfinishedFiles());
    }

    [Fact]
    public async Task What_a_killed_process_left_is_listed_as_unfinished_and_can_be_discarded()
    {
        // What is on the disk is what a killed writer leaves: nothing of it is in memory only.
        await using var dead = FileSystemStore.Open(folder.Path);
        var deadWriter = await dead.OpenWriterAsync("packs/ab/dead", Token);
        await deadWriter.AppendAsync(new byte[5000], Token);

        await using var store = FileSystemStore.Open(folder.Path);
        List<UnfinishedObject> found = [];
        await foreach (var one in store.ListUnfinishedAsync(Token))
            found.Add(one);
        Assert.Equal("packs/ab/dead", Assert.Single(found).Name);
        Assert.Empty(await Names(store));
        await store.DiscardUnfinishedAsync(found[0], Token);
        Assert.Empty(UnfinishedFiles());
    }

    [Fact]
    public async Task A_handle_cannot_lead_out_of_the_unfinished_folder()
    {
        await using var store = FileSystemStore.Open(folder.Path);
        await store.PutAsync("points/p", "x"u8.ToArray(), Token);
        foreach (string handle in new[] { "../points/p", "points,p", "points/p", "points,p~../../points/p", "~" })
        {
            await Assert.ThrowsAnyAsync<ArgumentException>(
                () => store.DiscardUnfinishedAsync(new UnfinishedObject("points/p", handle), Token));
        }
        Assert.True(await store.ExistsAsync("points/p", Token));
    }

    [Fact]
    public async Task Failed_operations_leave_no_files_behind()
    {
        await using var store = FileSystemStore.Open(folder.Path);
        await store.PutAsync("points", "a file where a folder should be"u8.ToArray(), Token);
        await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("points/p", "x"u8.ToArray(), Token));
        await Assert.ThrowsAsync<StoreException>(() => store.CreateOnceAsync("points/p", "x"u8.ToArray(), Token));
        Assert.Equal(["points"], await Names(store));
        Assert.Empty(UnfinishedFiles());
    }

    [Fact]
    public async Task Files_that_are_no_objects_are_not_listed()
    {
        await using var store = FileSystemStore.Open(folder.Path);
        await store.PutAsync("points/p", "x"u8.ToArray(), Token);
        foreach (string name in new[] { "points/.nfs0001", "points/with space", "points/q~", ".hidden", "points/ä" })
            await File.WriteAllTextAsync(Path.Combine(folder.Path, name), "y", Token);
        Directory.CreateDirectory(Path.Combine(folder.Path, "lost+found"));
        Directory.CreateDirectory(Path.Combine(folder.Path, "empty"));
        Assert.Equal(["points/p"], await Names(store));
    }

    [Fact]
    public async Task A_listing_passes_over_folders_that_vanish_meanwhile()
    {
        await using var store = FileSystemStore.Open(folder.Path);
        foreach (string name in new[] { "packs/00/p", "packs/11/p", "packs/22/p", "points/p" })
            await store.PutAsync(name, "x"u8.ToArray(), Token);
        List<string> listed = [];
        await foreach (var entry in store.ListAsync("", Token))
        {
            if (listed.Count == 0)
                Directory.Delete(Path.Combine(folder.Path, "packs", "11"), recursive: true);
            listed.Add(entry.Name);
        }
        Assert.Equal(["packs/00/p", "packs/22/p", "points/p"], listed);
    }

    [Fact]
    public async Task Folders_that_somebody_tidied_away_are_made_again()
    {
        await using var store = FileSystemStore.Open(folder.Path);
        await store.PutAsync("packs/ab/p", "x"u8.ToArray(), Token);
        Directory.Delete(Path.Combine(folder.Path, "packs"), recursive: true);
        Directory.Delete(Path.Combine(folder.Path, "unfinished"), recursive: true);
        await store.PutAsync("packs/ab/q", "x"u8.ToArray(), Token);
        Directory.Delete(Path.Combine(folder.Path, "packs"), recursive: true);
        Assert.True(await store.CreateOnceAsync("packs/ab/r", "x"u8.ToArray(), Token));
        Assert.Equal(["packs/ab/r"], await Names(store));
    }

    [Fact]
    public async Task A_missing_folder_is_an_error_unless_it_is_to_be_created()
    {
        string missing = Path.Combine(folder.Path, "not", "there");
        Assert.Equal(StoreFailure.NotFound,
            Assert.Throws<StoreException>(() => FileSystemStore.Open(missing)).Failure);
        await using var store = FileSystemStore.Open(missing, create: true);
        await store.PutAsync("points/p", "x"u8.ToArray(), Token);
        string file = Path.Combine(missing, "points", "p");
        Assert.Equal(StoreFailure.Other, Assert.Throws<StoreException>(() => FileSystemStore.Open(file)).Failure);
    }

    [Fact]
    public async Task A_store_that_was_disposed_of_does_nothing()
    {
        var store = FileSystemStore.Open(folder.Path);
        await store.PutAsync("packs/ab/p", "x"u8.ToArray(), Token);
        await store.ReadAsync("packs/ab/p", 0, new byte[1], Token);
        await store.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.PutAsync("points/q", "x"u8.ToArray(), Token));
        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => store.ReadAsync("packs/ab/p", 0, new byte[1], Token).AsTask());
    }

    [Fact]
    public async Task More_packs_than_may_stay_open_are_read_by_many_at_once()
    {
        await using var store = FileSystemStore.Open(folder.Path);
        for (int i = 0; i < 100; i++)
            await store.PutAsync($"packs/{i:00}/p", Encoding.UTF8.GetBytes($"pack {i:00}"), Token);
        await Parallel.ForAsync(0, 4, Token, async (reader, token) =>
        {
            var random = new Random(reader);
            byte[] buffer = new byte[7];
            for (int i = 0; i < 2000; i++)
            {
                int pack = random.Next(100);
                Assert.Equal(7, await store.ReadAsync($"packs/{pack:00}/p", 0, buffer, token));
                Assert.Equal($"pack {pack:00}", Encoding.UTF8.GetString(buffer));
            }
        });
        string packs = Path.Combine(folder.Path, "packs");
        int open = Directory.GetFileSystemEntries("/proc/self/fd")
            .Count(f => TargetOf(f)?.StartsWith(packs, StringComparison.Ordinal) == true);
        Assert.InRange(open, 1, 32);
    }

    /// <summary>Null for one that another test, which runs at the same time, has closed meanwhile.</summary>
    static string? TargetOf(string descriptor)
    {
        try
        {
            return new FileInfo(descriptor).LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Appends_and_reads_of_open_packs_allocate_nothing(bool retrying)
    {
        IObjectStore store = FileSystemStore.Open(folder.Path);
        if (retrying)
            store = new RetryingStore(store, new RetryPolicy(RetryLimits.Brief, TimeProvider.System, 1));
        await using var owned = store;
        byte[] piece = new byte[4096];
        await using var writer = await store.OpenWriterAsync("packs/ab/p", Token);
#pragma warning disable CA2012 // What completes at once may be looked at once; waiting could change the thread.
        Assert.Equal(0, AllocatedBy(() => Assert.True(writer.AppendAsync(piece, Token).IsCompletedSuccessfully)));
        await writer.CommitAsync(Token);
        Assert.Equal(0, AllocatedBy(() =>
            Assert.True(store.ReadAsync("packs/ab/p", 4096, piece, Token).IsCompletedSuccessfully)));
#pragma warning restore CA2012
    }

    static long AllocatedBy(Action act)
    {
        // The least of some rounds: what the runtime allocates once while it compiles anew is not ours.
        long least = long.MaxValue;
        for (int round = 0; round < 5; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 200; i++)
                act();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }

    [Fact]
    public async Task A_full_disk_is_reported_as_full_and_what_was_there_stays_readable()
    {
        await using var disk = SmallDisk.MountOrSkip(folder.Path);
        var store = FileSystemStore.Open(folder.Path);
        await using var owned = store;
        byte[] half = new byte[600_000];
        await store.PutAsync("packs/00/p", half, Token);

        Assert.Equal(StoreFailure.Full,
            (await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("packs/11/p", half, Token))).Failure);
        Assert.Equal(StoreFailure.Full,
            (await Assert.ThrowsAsync<StoreException>(() => store.CreateOnceAsync("packs/11/p", half, Token))).Failure);
        await using (var writer = await store.OpenWriterAsync("packs/11/p", Token))
        {
            await writer.AppendAsync(half.AsMemory(0, 1000), Token);
            Assert.Equal(StoreFailure.Full,
                (await Assert.ThrowsAsync<StoreException>(() => writer.AppendAsync(half, Token).AsTask())).Failure);
            await Assert.ThrowsAsync<InvalidOperationException>(() => writer.CommitAsync(Token).AsTask());
        }
        Assert.Equal(["packs/00/p"], await Names(store));
        Assert.Equal(half, await store.GetAsync("packs/00/p", half.Length, Token));
        Assert.Empty(UnfinishedFiles());

        await store.DeleteAsync("packs/00/p", Token);
        await store.PutAsync("packs/11/p", half, Token);
    }

    [Fact]
    public async Task A_read_only_file_system_refuses()
    {
        await using var disk = SmallDisk.MountOrSkip(folder.Path);
        await using var store = FileSystemStore.Open(folder.Path);
        await store.PutAsync("points/p", "x"u8.ToArray(), Token);
        SmallDisk.Run("mount", "-o", "remount,ro", folder.Path);
        Assert.Equal(StoreFailure.Refused,
            (await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("points/q", "x"u8.ToArray(), Token))).Failure);
        Assert.Equal(StoreFailure.Refused,
            (await Assert.ThrowsAsync<StoreException>(() => store.DeleteAsync("points/p", Token))).Failure);
        Assert.Equal(["points/p"], await Names(store));
    }

    [Fact]
    public async Task An_unmounted_file_system_does_not_look_like_an_empty_store()
    {
        await using var disk = SmallDisk.MountOrSkip(folder.Path);
        await using var store = FileSystemStore.Open(folder.Path);
        await store.PutAsync("points/p", "x"u8.ToArray(), Token);
        SmallDisk.Run("umount", "--lazy", folder.Path);
        Assert.False(Directory.Exists(Path.Combine(folder.Path, "points")));
        Assert.Equal(["points/p"], await Names(store));
    }

    /// <summary>A file system of one megabyte over a folder.</summary>
    sealed class SmallDisk(string path) : IAsyncDisposable
    {
        public static SmallDisk MountOrSkip(string path)
        {
            Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root, to mount a small file system");
            Assert.SkipUnless(TryRun("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path),
                "cannot mount here, although root");
            return new SmallDisk(path);
        }

        public static void Run(params string[] command) => Assert.True(TryRun(command), string.Join(' ', command));

        static bool TryRun(params string[] command)
        {
            using var process = Process.Start(new ProcessStartInfo(command[0], command[1..])
            {
                RedirectStandardError = true,
            })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }

        public ValueTask DisposeAsync()
        {
            TryRun("umount", "--lazy", path);
            return ValueTask.CompletedTask;
        }
    }
}
