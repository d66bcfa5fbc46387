using System.Runtime.CompilerServices;
using VBackup.Clouds.Ceph.Native;

namespace VBackup.Clouds.Ceph.Images;

/// <summary>A group of images, by the pool that it is in and its name.</summary>
internal sealed record GroupName(long PoolId, string Name);

/// <summary>A snapshot of one image.</summary>
/// <param name="Group">The group whose snapshot this is a part of; null when it is the image's own.</param>
/// <param name="Name">Of the group's snapshot, or of the image's own.</param>
/// <param name="IsUsual">Made by a user or as part of a group; not in the trash, none of a mirror's.</param>
internal sealed record ImageSnapshot(
    ulong Id, string Name, long LengthBytes, GroupName? Group, bool IsUsual, DateTimeOffset TakenAt);

internal sealed unsafe partial class RbdImage
{
    private const int UserSnapshot = 0, GroupSnapshot = 1;      // rbd_snap_namespace_type_t

    /// <summary>All snapshots, oldest first.</summary>
    public List<ImageSnapshot> Snapshots()
    {
        var room = 16;
        while (true)
        {
            var entries = new rbd_snap_info_t[room];
            fixed (rbd_snap_info_t* first = entries)
            {
                var max = room;
                var count = LibrbdSnapshots.rbd_snap_list(Handle, first, ref max);
                if (count == CephFailure.OutOfRange)
                {
                    room = Math.Max(max, room * 2);
                    continue;
                }
                CheckCall(count, "rbd_snap_list");
                try
                {
                    var snapshots = new List<ImageSnapshot>(count);
                    for (var i = 0; i < count; i++) snapshots.Add(Described(entries[i]));
                    snapshots.Sort((left, right) => left.Id.CompareTo(right.Id));
                    return snapshots;
                }
                finally
                {
                    if (count > 0) LibrbdSnapshots.rbd_snap_list_end(first);
                }
            }
        }
    }

    private ImageSnapshot Described(rbd_snap_info_t entry)
    {
        CheckCall(LibrbdSnapshots.rbd_snap_get_namespace_type(Handle, entry.id, out var kind), "rbd_snap_get_namespace_type");
        CheckCall(LibrbdSnapshots.rbd_snap_get_timestamp(Handle, entry.id, out var time), "rbd_snap_get_timestamp");
        var takenAt = DateTimeOffset.FromUnixTimeSeconds(time.tv_sec).AddTicks(time.tv_nsec / TimeSpan.NanosecondsPerTick);
        if (kind != GroupSnapshot)
            return new(entry.id, Text(entry.name), (long)entry.size, null, kind == UserSnapshot, takenAt);
        var size = (nuint)Unsafe.SizeOf<rbd_snap_group_namespace_t>();
        CheckCall(LibrbdSnapshots.rbd_snap_get_group_namespace(Handle, entry.id, out var group, size), "rbd_snap_get_group_namespace");
        var snapshot = new ImageSnapshot(entry.id, Text(group.group_snap_name), (long)entry.size,
            new(group.group_pool, Text(group.group_name)), true, takenAt);
        _ = LibrbdSnapshots.rbd_snap_group_namespace_cleanup(ref group, size);
        return snapshot;
    }

    /// <summary>Looks at a snapshot from now on; at the present again with null.</summary>
    public void LookAt(ulong? snapshotId) => CheckCall(
        snapshotId is { } id ? LibrbdSnapshots.rbd_snap_set_by_id(Handle, id) : LibrbdSnapshots.rbd_snap_set(Handle, null),
        "rbd_snap_set_by_id");

    /// <summary>Takes a snapshot of this image; one of that name may be there.</summary>
    public void TakeSnapshot(string name)
    {
        var code = LibrbdSnapshots.rbd_snap_create(Handle, name);
        if (code != CephFailure.ThereAlready) CephFailure.Check(code, "rbd_snap_create", $"{Subject}@{name}");
    }

    /// <summary>Removes a snapshot of this image; it may be gone.</summary>
    public void RemoveSnapshot(string name)
    {
        var code = LibrbdSnapshots.rbd_snap_remove(Handle, name);
        if (code != CephFailure.NoSuchThing) CephFailure.Check(code, "rbd_snap_remove", $"{Subject}@{name}");
    }

    /// <summary>The group that the image is in; null when in none.</summary>
    public GroupName? Group()
    {
        var size = (nuint)Unsafe.SizeOf<rbd_group_info_t>();
        CheckCall(LibrbdSnapshots.rbd_get_group(Handle, out var group, size), "rbd_get_group");
        var name = Text(group.name);
        var found = name.Length == 0 ? null : new GroupName(group.pool, name);
        _ = LibrbdSnapshots.rbd_group_info_cleanup(ref group, size);
        return found;
    }
}
