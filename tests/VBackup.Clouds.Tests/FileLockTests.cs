using VBackup.Clouds.Volumes;
using VBackup.Vault.Stores.Tests;
using Xunit;

namespace VBackup.Clouds.Tests;

public sealed class FileLockTests
{
    [Fact]
    public void A_lock_is_free_when_it_is_given_up_though_the_file_is_still_open()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "lock");
        using var held = FileLock.TryHold(path, isExclusive: true);
        Assert.NotNull(held);
        using var copy = OpenDescriptors.CopyOf(path);
        Assert.Null(FileLock.TryHold(path, isExclusive: false));
        held.Dispose();
        using var again = FileLock.TryHold(path, isExclusive: true);
        Assert.NotNull(again);
    }
}
