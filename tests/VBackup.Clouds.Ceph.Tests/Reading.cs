using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using Xunit;

namespace VBackup.Clouds.Ceph.Tests;

static class Reading
{
    /// <summary>The whole volume, by one read.</summary>
    public static async Task<byte[]> AllAsync(this IVolumeReader reader)
    {
        var content = new byte[reader.LengthBytes];
        await reader.ReadAsync(0, content, default);
        return content;
    }

    public static async Task<byte[]> AllAsync(this CephStorage storage, VolumeId volume)
    {
        await using var reader = await storage.OpenReaderAsync(volume, default);
        return await reader.AllAsync();
    }

    public static async Task<byte[]> AllAsync(this CephStorage storage, VolumeId volume, string instant)
    {
        await using var reader = await storage.Snapshots.OpenAsync(instant, volume, default);
        return await reader.AllAsync();
    }

    /// <summary>The first byte that differs and is in no range; -1 when there is none.</summary>
    public static long FirstOutside(byte[] before, byte[] after, IEnumerable<Extent> ranges)
    {
        long at = 0;
        foreach (var range in ranges)
        {
            if (Difference(at, range.Offset) is >= 0 and var found) return found;
            at = range.End;
        }
        return Difference(at, after.Length);

        long Difference(long start, long end)
        {
            var common = before.AsSpan((int)start, (int)(end - start)).CommonPrefixLength(after.AsSpan((int)start, (int)(end - start)));
            return common == end - start ? -1 : start + common;
        }
    }

    public static byte[] RandomBytes(this Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    public static async Task<CloudException> FailsAsync(CloudFailure failure, Func<Task> action)
    {
        var exception = await Assert.ThrowsAsync<CloudException>(action);
        Assert.True(exception.Failure == failure, $"{failure} was expected, not {exception.Failure}: {exception.Message}");
        return exception;
    }
}
