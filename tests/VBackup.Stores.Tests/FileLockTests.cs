using Microsoft.Win32.SafeHandles;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

public sealed class FileLockTests
{
    [Fact]
    public void A_lock_is_had_by_one_and_free_when_it_is_given_up()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "lock");
        using (var held = FileLock.TryTake(path))
        {
            Assert.NotNull(held);
            Assert.Null(FileLock.TryTake(path));
        }
        using var again = FileLock.TryTake(path);
        Assert.NotNull(again);
    }

    [Fact]
    public void A_lock_is_free_when_it_is_given_up_though_the_file_is_still_open()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "lock");
        SafeFileHandle copy;
        using (FileLock.Take(path)) copy = OpenDescriptors.CopyOf(path);
        using (copy)
        using (var again = FileLock.TryTake(path))
            Assert.NotNull(again);
    }

    [Fact]
    public void A_lock_that_is_over_leaves_no_file()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "lock");
        using (var held = FileLock.Take(path)) held.IsOver = true;
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task Two_never_have_it_at_once_though_each_removes_the_file()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "lock");
        var (holders, most, taken) = (0, 0, 0);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(worker => Task.Factory.StartNew(() =>
        {
            for (var i = 0; i < 3000; i++)
            {
                using var held = worker % 2 == 0 ? FileLock.Take(path) : FileLock.TryTake(path);
                if (held is null) continue;
                var now = Interlocked.Increment(ref holders);
                if (now > 1) Volatile.Write(ref most, now);
                Interlocked.Increment(ref taken);
                held.IsOver = true;
                Thread.Yield();
                Interlocked.Decrement(ref holders);
            }
        }, default, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        Assert.Equal(0, most);
        Assert.True(taken >= 6000);
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "gone", "lock");
        Assert.Contains(path, Assert.Throws<StoreException>(() => FileLock.Take(path)).Message, StringComparison.Ordinal);
    }
}
