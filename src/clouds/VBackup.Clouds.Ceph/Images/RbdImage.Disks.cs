using System.Globalization;
using VBackup.Clouds.Ceph.Native;

namespace VBackup.Clouds.Ceph.Images;

internal sealed unsafe partial class RbdImage
{
    private const int PrefixSizeMax = 256;

    /// <summary>Who answers for a byte of the image, such as <c>osd.3 of the pool rbd</c>: told by a monitor.</summary>
    public string DiskOf(long offset)
    {
        var pool = _connection.PoolName(DataPoolId());
        var piece = string.Create(CultureInfo.InvariantCulture, $"{DataPrefix()}.{offset / ObjectSizeBytes:x16}");
        return $"{_connection.DiskOf(pool, Path.Namespace, piece)} of the pool {pool}";
    }

    /// <summary>Where its data lie: a pool of their own, or the one that has its header.</summary>
    public long DataPoolId() => Librbd.rbd_get_data_pool_id(Handle);

    /// <summary>Where those of an image would lie that is made now: as the library has it, what is set for the pool goes before the
    /// configuration.</summary>
    public static string DataPoolOfNew(CephConnection connection, RbdPath path)
    {
        const string option = "rbd_default_data_pool", ofPools = "rbd_info";
        using var context = connection.OpenPool(path.Pool, path.Namespace);
        BoundedCalls.Asks(connection, path.Pool, path.Namespace, ofPools);
        nuint length = PrefixSizeMax;
        var value = stackalloc byte[PrefixSizeMax];
        var code = Librbd.rbd_pool_metadata_get(context, "conf_" + option, value, ref length);
        if (code != CephFailure.NoSuchThing) CephFailure.Check(code, "rbd_pool_metadata_get", $"pool {path.Pool}");
        var name = code == CephFailure.NoSuchThing ? connection.OptionOf(option) : Text(value);
        return name.Length > 0 ? name : path.Pool;
    }

    /// <summary>How the names of the objects begin that have its data.</summary>
    public string DataPrefix()
    {
        var prefix = stackalloc byte[PrefixSizeMax];
        CheckCall(Librbd.rbd_get_block_name_prefix(Handle, prefix, PrefixSizeMax), "rbd_get_block_name_prefix");
        return Text(prefix);
    }
}
