using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using VBackup.Clouds.Ceph.Images;
using VBackup.Clouds.Ceph.Native;

namespace VBackup.Clouds.Ceph.Snapshots;

/// <summary>An image of a group.</summary>
/// <param name="IsAttached">False when adding or removing it was cut short.</param>
internal sealed record GroupMember(RbdPath Path, bool IsAttached);

/// <summary>
/// A group of images, for snapshots of all at one instant. Ours are named by what they hold, so that a group whose members were
/// changed by somebody is recognised. Blocking; use from one thread at a time.
/// </summary>
internal sealed unsafe class RbdGroup : IDisposable
{
    private const string PrefixOfOurs = "vb.";
    private readonly CephConnection _connection;
    private readonly IoContextHandle _context;
    private readonly string _namespace;

    private RbdGroup(CephConnection connection, IoContextHandle context, GroupName name, string @namespace)
    {
        _connection = connection;
        _context = context;
        Name = name;
        _namespace = @namespace;
    }

    public GroupName Name { get; }

    public bool IsOurs => Name.Name.StartsWith(PrefixOfOurs, StringComparison.Ordinal);

    private string Subject => $"group {Name.Name}";

    /// <summary>What the group of just these images is called.</summary>
    public static string NameFor(IEnumerable<RbdPath> members)
    {
        var text = string.Join('\n', members.Select(member => member.ToString()).Order(StringComparer.Ordinal));
        return PrefixOfOurs + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16));
    }

    /// <summary>Opens a group by its name, whether it is there or not.</summary>
    public static RbdGroup Open(CephConnection connection, GroupName name, string @namespace)
    {
        var context = connection.OpenPool(name.PoolId, @namespace);
        // By it librbd finds the group's header.
        BoundedCalls.Asks(connection, connection.PoolName(name.PoolId), @namespace, "rbd_group_directory");
        return new(connection, context, name, @namespace);
    }

    /// <summary>Makes the group; it may be there.</summary>
    public void Create()
    {
        var code = LibrbdSnapshots.rbd_group_create(_context, Name.Name);
        if (code != CephFailure.ThereAlready) Check(code, "rbd_group_create");
    }

    /// <summary>Removes the group and lets its images go; it may be gone.</summary>
    private void Remove()
    {
        var code = LibrbdSnapshots.rbd_group_remove(_context, Name.Name);
        if (code != CephFailure.NoSuchThing) Check(code, "rbd_group_remove");
    }

    /// <summary>Removes the group if it has no snapshots, and nobody is about to take one with it.</summary>
    /// <param name="cookie">Of whoever removes it.</param>
    /// <returns>False when somebody is.</returns>
    public bool RemoveIfLeft(string cookie, Action<string> step)
    {
        // Whoever prepares an instant holds each of the group's images.
        if (Members() is not [var first, ..])
        {
            if (Snapshots().Count == 0) RemoveEmpty(step);
            return true;
        }
        using var image = RbdImage.Open(_connection, first.Path, isReadOnly: false);
        if (!GroupHold.TryHoldAlone(image, cookie)) return false;
        try
        {
            // Since it was looked at, an instant may have been prepared and taken.
            if (Snapshots().Count == 0) RemoveEmpty(step);
            return true;
        }
        finally
        {
            GroupHold.LetGo(image, cookie);
        }
    }

    private void RemoveEmpty(Action<string> step)
    {
        step($"remove the group {Name.Name}");
        Remove();
    }

    public void Add(RbdImage image)
    {
        var code = LibrbdSnapshots.rbd_group_image_add(_context, Name.Name, image.Context, image.Path.Image);
        if (code != CephFailure.ThereAlready) CephFailure.Check(code, "rbd_group_image_add", $"{Subject}: {image.Subject}");
    }

    /// <summary>The images of the group; none when it is gone.</summary>
    public List<GroupMember> Members()
    {
        for (nuint room = 64; ;)
        {
            var entries = new rbd_group_image_info_t[room];
            var size = (nuint)Unsafe.SizeOf<rbd_group_image_info_t>();
            fixed (rbd_group_image_info_t* first = entries)
            {
                var count = room;
                var code = LibrbdSnapshots.rbd_group_image_list(_context, Name.Name, first, size, ref count);
                if (code == CephFailure.NoSuchThing) return [];
                if (code == CephFailure.OutOfRange)
                {
                    room = Math.Max(count, room * 2);
                    continue;
                }
                Check(code, "rbd_group_image_list");
                var members = new List<GroupMember>();
                for (nuint i = 0; i < count; i++)
                {
                    var path = new RbdPath(_connection.PoolName(entries[i].pool), _namespace, RbdImage.Text(entries[i].name));
                    members.Add(new(path, entries[i].state == 0));
                }
                _ = LibrbdSnapshots.rbd_group_image_list_cleanup(first, size, count);
                return members;
            }
        }
    }

    /// <summary>The snapshots of the group, by name, and whether each is complete; none when the group is gone.</summary>
    public Dictionary<string, bool> Snapshots()
    {
        for (nuint room = 64; ;)
        {
            var entries = new rbd_group_snap_info_t[room];
            var size = (nuint)Unsafe.SizeOf<rbd_group_snap_info_t>();
            fixed (rbd_group_snap_info_t* first = entries)
            {
                var count = room;
                var code = LibrbdSnapshots.rbd_group_snap_list(_context, Name.Name, first, size, ref count);
                if (code == CephFailure.NoSuchThing) return [];
                if (code == CephFailure.OutOfRange)
                {
                    room = Math.Max(count, room * 2);
                    continue;
                }
                Check(code, "rbd_group_snap_list");
                var snapshots = new Dictionary<string, bool>();
                for (nuint i = 0; i < count; i++) snapshots[RbdImage.Text(entries[i].name)] = entries[i].state == 1;
                _ = LibrbdSnapshots.rbd_group_snap_list_cleanup(first, size, count);
                return snapshots;
            }
        }
    }

    public void TakeSnapshot(string name) => CheckSnapshot(
        LibrbdSnapshots.rbd_group_snap_create(_context, Name.Name, name), "rbd_group_snap_create", name);

    /// <summary>Removes a snapshot of the group; it may be gone.</summary>
    public void RemoveSnapshot(string name)
    {
        var code = LibrbdSnapshots.rbd_group_snap_remove(_context, Name.Name, name);
        if (code != CephFailure.NoSuchThing) CheckSnapshot(code, "rbd_group_snap_remove", name);
    }

    private void Check(int code, string call) => CephFailure.Check(code, call, Subject);

    private void CheckSnapshot(int code, string call, string snapshot) =>
        CephFailure.Check(code, call, $"{Subject}@{snapshot}");

    public void Dispose() => _context.Dispose();
}
