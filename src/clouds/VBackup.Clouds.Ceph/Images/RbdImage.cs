using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using VBackup.Clouds.Ceph.Native;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Ceph.Images;

/// <summary>Who has an image open for writing.</summary>
/// <param name="ClientId">See <see cref="CephConnection.ClientId"/>.</param>
internal sealed record Watcher(string Address, long ClientId);

/// <summary>An open image. Its methods block; <see cref="BoundedCalls"/> runs them. Use from one thread at a time.</summary>
internal sealed unsafe partial class RbdImage : IDisposable
{
    private const ulong ExclusiveLock = 1 << 2, ObjectMap = 1 << 3, FastDiff = 1 << 4;      // RBD_FEATURE_…
    private const ulong FeaturesOfNew = 1 | ExclusiveLock | ObjectMap | FastDiff;           // 1: RBD_FEATURE_LAYERING
    private const int FeaturesOption = 1;                                                   // RBD_IMAGE_OPTION_FEATURES
    private const string MarkOfWriter = "vbackup", WriterKey = "vbackup.writer", RollBackKey = "vbackup.rolledback",
        ClaimKey = "vbackup.claim", RestoreKey = "vbackup.restoring";

    private readonly CephConnection _connection;
    private readonly IoContextHandle _context;
    private bool _isMarked;
    private bool _isSigned;

    private RbdImage(ImageHandle handle, CephConnection connection, IoContextHandle context, RbdPath path)
    {
        _connection = connection;
        Handle = handle;
        _context = context;
        Path = path;
    }

    public ImageHandle Handle { get; }
    public RbdPath Path { get; }

    /// <summary>As a user calls it.</summary>
    public string Subject => Path.ToString();

    /// <summary>Its pool and namespace.</summary>
    public IoContextHandle Context => _context;

    /// <param name="isReadOnly">Nobody is told that the image is open. Otherwise it counts as in use.</param>
    public static RbdImage Open(CephConnection connection, RbdPath path, bool isReadOnly)
    {
        var context = connection.OpenPool(path.Pool, path.Namespace);
        AsksForName(connection, path);
        try
        {
            var code = isReadOnly
                ? Librbd.rbd_open_read_only(context, path.Image, out var image, null)
                : Librbd.rbd_open(context, path.Image, out image, null);
            CephFailure.Check(code, isReadOnly ? "rbd_open_read_only" : "rbd_open", path.ToString());
            var opened = new RbdImage(new ImageHandle(image, context), connection, context, path);
            var id = opened.Id();
            BoundedCalls.Asks(connection, path.Pool, path.Namespace, "rbd_object_map." + id, "rbd_header." + id);
            return opened;
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    // What librbd reads of an image first: which id has the name.
    private static void AsksForName(CephConnection connection, RbdPath path) =>
        BoundedCalls.Asks(connection, path.Pool, path.Namespace, "rbd_directory", "rbd_id." + path.Image);

    public static void Create(CephConnection connection, RbdPath path, long lengthBytes)
    {
        using var context = connection.OpenPool(path.Pool, path.Namespace);
        AsksForName(connection, path);
        Librbd.rbd_image_options_create(out var options);
        try
        {
            CephFailure.Check(Librbd.rbd_image_options_set_uint64(options, FeaturesOption, FeaturesOfNew),
                "rbd_image_options_set_uint64", path.ToString());
            CephFailure.Check(Librbd.rbd_create4(context, path.Image, (ulong)lengthBytes, options), "rbd_create4", path.ToString());
        }
        finally
        {
            Librbd.rbd_image_options_destroy(options);
        }
    }

    /// <summary>Removes an image; one that is not there is none of our concern.</summary>
    public static void Remove(CephConnection connection, RbdPath path)
    {
        using var context = connection.OpenPool(path.Pool, path.Namespace);
        AsksForName(connection, path);
        using var steps = new StepsOfLibrary();
        var code = Librbd.rbd_remove_with_progress(context, path.Image, &StepsOfLibrary.OnProgress, steps.Argument);
        if (code != CephFailure.NoSuchThing) CephFailure.Check(code, "rbd_remove", path.ToString());
    }

    /// <exception cref="CloudException">There is one of the new name already.</exception>
    public static void Rename(CephConnection connection, RbdPath path, RbdPath renamed)
    {
        using var context = connection.OpenPool(path.Pool, path.Namespace);
        AsksForName(connection, path);
        AsksForName(connection, renamed);
        CephFailure.Check(Librbd.rbd_rename(context, path.Image, renamed.Image), "rbd_rename", renamed.ToString());
    }

    public static bool Exists(CephConnection connection, RbdPath path)
    {
        try
        {
            Open(connection, path, isReadOnly: true).Dispose();
            return true;
        }
        catch (CloudException e) when (e.Failure == CloudFailure.NotFound)
        {
            return false;
        }
    }

    /// <summary>Now, or of the snapshot that is looked at.</summary>
    public long LengthBytes => (long)Status().size;

    public long ObjectSizeBytes => (long)Status().obj_size;

    private rbd_image_info_t Status()
    {
        Check(Librbd.rbd_stat(Handle, out var status, (nuint)Unsafe.SizeOf<rbd_image_info_t>()));
        return status;
    }

    public bool HasExclusiveLock => (Features & ExclusiveLock) != 0;

    public bool HasFastDiff => (Features & (ObjectMap | FastDiff)) == (ObjectMap | FastDiff);

    /// <summary>The bytes at its beginning that come from a parent where the image has nothing itself.</summary>
    public long ParentBytes
    {
        get
        {
            Check(Librbd.rbd_get_overlap(Handle, out var overlap));
            return (long)overlap;
        }
    }

    private ulong Features
    {
        get
        {
            Check(Librbd.rbd_get_features(Handle, out var features));
            return features;
        }
    }

    /// <summary>Whether object map or fast-diff are marked invalid: now, or of the snapshot that is looked at.</summary>
    public bool IsTrackingInvalid
    {
        get
        {
            Check(Librbd.rbd_get_flags(Handle, out var flags));
            return flags != 0;
        }
    }

    public void Resize(long lengthBytes)
    {
        using var steps = new StepsOfLibrary();
        CheckCall(Librbd.rbd_resize2(Handle, (ulong)lengthBytes, 1, &StepsOfLibrary.OnProgress, steps.Argument), "rbd_resize");
    }

    /// <summary>Everybody who has it open for writing, this client too.</summary>
    public List<Watcher> Watchers()
    {
        for (nuint room = 8; ;)
        {
            var entries = new rbd_image_watcher_t[room];
            fixed (rbd_image_watcher_t* first = entries)
            {
                var count = room;
                var code = Librbd.rbd_watchers_list(Handle, first, ref count);
                if (code == CephFailure.OutOfRange)
                {
                    room = Math.Max(count, room * 2);
                    continue;
                }
                CheckCall(code, "rbd_watchers_list");
                var watchers = new List<Watcher>();
                for (nuint i = 0; i < count; i++) watchers.Add(new(Text(entries[i].addr), entries[i].id));
                Librbd.rbd_watchers_list_cleanup(first, count);
                return watchers;
            }
        }
    }

    public List<LockHolder> LockHolders() => LockHolder.Listed(
        (byte* tag, ref nuint tagSize, byte* clients, ref nuint clientsSize, byte* cookies, ref nuint cookiesSize, byte* addresses,
            ref nuint addressesSize) => Librbd.rbd_list_lockers(Handle, out _, tag, ref tagSize, clients, ref clientsSize, cookies,
            ref cookiesSize, addresses, ref addressesSize), "rbd_list_lockers", Subject);

    public void BreakLock(LockHolder holder)
    {
        var code = Librbd.rbd_break_lock(Handle, holder.Client, holder.Cookie);
        // Given back meanwhile: then there is nothing to break.
        if (code != CephFailure.NoSuchThing) CheckCall(code, "rbd_break_lock");
    }

    /// <summary>Takes the lock and gives it to nobody until the image is closed. Where images have no exclusive lock, it leaves a
    /// mark by which others find this client.</summary>
    public void Lock()
    {
        if (HasExclusiveLock)
        {
            CheckCall(Librbd.rbd_lock_acquire(Handle, 0), "rbd_lock_acquire");
            return;
        }
        CheckCall(Librbd.rbd_lock_exclusive(Handle, MarkOfWriter), "rbd_lock_exclusive");
        _isMarked = true;
    }

    /// <summary>Leaves word that this client writes here for vBackup, so that another one of ours may take over while this one is
    /// still seen, and shut it out while it is not. Gone when the image is closed; after a crash it names a client that is no more, and no
    /// number is given twice.</summary>
    /// <param name="stays">Also when the image is closed.</param>
    public void Sign(Watcher self, bool stays)
    {
        CheckCall(Librbd.rbd_metadata_set(Handle, WriterKey, $"{self.ClientId} {self.Address} {Id()}"), "rbd_metadata_set");
        _isSigned = !stays;
    }

    /// <summary>The client that said so; null when none did.</summary>
    public Watcher? SignedBy() =>
        // A copy of the image has a copy of the note, which is not about it.
        FindNote(WriterKey)?.Split(' ') is [var client, var address, var id] && id == Id()
            && long.TryParse(client, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? new(address, number) : null;

    /// <summary>Leaves word of who has taken over, for good: it stays when the image is closed.</summary>
    public void Claim(string claim) => CheckCall(Librbd.rbd_metadata_set(Handle, ClaimKey, claim), "rbd_metadata_set");

    /// <summary>Who has last taken over; null when nobody ever did.</summary>
    public string? ClaimedBy() => VolumeClaim.Parse(FindNote(ClaimKey));

    /// <summary>Leaves word of a restore, or takes it away with null; it stays when the image is closed. A copy of the
    /// image has a copy of it, as it has of what is half written.</summary>
    public void NoteRestore(string? note)
    {
        var code = note is null ? Librbd.rbd_metadata_remove(Handle, RestoreKey) : Librbd.rbd_metadata_set(Handle, RestoreKey, note);
        if (note is not null || code != CephFailure.NoSuchThing) CheckCall(code, note is null ? "rbd_metadata_remove" : "rbd_metadata_set");
    }

    public string? RestoreNoted() => FindNote(RestoreKey);

    /// <summary>
    /// Leaves word that the image is about to be rolled back. Earlier versions had Ceph do that, and the object map became the old one of
    /// that snapshot: of all snapshots that are there now, nobody relies on it for what changed since.
    /// </summary>
    public void NoteRollBack()
    {
        var newest = Snapshots().Select(snapshot => snapshot.Id).DefaultIfEmpty().Max();
        CheckCall(Librbd.rbd_metadata_set(
            Handle, RollBackKey, string.Create(CultureInfo.InvariantCulture, $"{Id()} {newest}")), "rbd_metadata_set");
    }

    /// <summary>The newest snapshot that was there when the image was last rolled back; 0 when it never was.</summary>
    public ulong RolledBackAfter() =>
        // A copy of the image has a copy of the note, which is not about it.
        FindNote(RollBackKey)?.Split(' ') is [var id, var newest] && id == Id()
            && ulong.TryParse(newest, NumberStyles.None, CultureInfo.InvariantCulture, out var snapshot) ? snapshot : 0;

    private string? FindNote(string key)
    {
        nuint length = RestoreNote.TextBytesMax + 1;
        var value = stackalloc byte[(int)length];
        var code = Librbd.rbd_metadata_get(Handle, key, value, ref length);
        if (code == CephFailure.NoSuchThing) return null;
        CheckCall(code, "rbd_metadata_get");
        return Text(value);
    }

    /// <summary>Stays when the image is renamed, and is no other image's, ever.</summary>
    public string Id()
    {
        const int SizeMax = 256;
        var id = stackalloc byte[SizeMax];
        CheckCall(Librbd.rbd_get_id(Handle, id, SizeMax), "rbd_get_id");
        return Text(id);
    }

    /// <summary>What rados calls the object that has the image's header.</summary>
    public string HeaderObject() => "rbd_header." + Id();

    /// <summary>Of those that are asked for one by one, ten at a time: busy disks answer for so many well within the limit of a
    /// call.</summary>
    private const int ObjectsAtOnce = 256;

    /// <summary>What differs from an earlier state, as the storage knows it. One that reaches over steps comes in pieces.</summary>
    /// <param name="from">A user snapshot; null: the beginning of time, when all was zeros.</param>
    /// <param name="isWholeObjects">Whole objects, quickly where there is a valid object map; otherwise exact.</param>
    /// <param name="present">Gets those differences that are data now, not holes.</param>
    public void AddDifferences(
        string? from, Extent range, bool isWholeObjects, List<Extent> differences, List<Extent>? present = null)
    {
        var collector = new DifferenceCollector(differences, present, skipsHoles: from is null);
        using var argument = new SelfReference(collector);
        // Where each object is asked for, a large image takes minutes, and the library says nothing meanwhile.
        var step = isWholeObjects ? range.Length : ObjectsAtOnce * ObjectSizeBytes;
        for (var start = range.Offset; start < range.End; start += step)
        {
            var code = Librbd.rbd_diff_iterate2(Handle, from, (ulong)start, (ulong)Math.Min(step, range.End - start), 1,
                isWholeObjects ? (byte)1 : (byte)0, &OnDifference, argument.Pointer);
            if (collector.Failure is { } failure) throw new InvalidOperationException($"{Subject}: differences cannot be kept", failure);
            CheckCall(code, "rbd_diff_iterate2");
        }
    }

    private sealed class DifferenceCollector(List<Extent> differences, List<Extent>? present, bool skipsHoles)
    {
        public Exception? Failure { get; private set; }

        public bool TryAdd(ulong offset, nuint length, bool exists)
        {
            if (skipsHoles && !exists) return true;
            try
            {
                differences.Add(new((long)offset, (long)length));
                if (exists) present?.Add(new((long)offset, (long)length));
                return true;
            }
            catch (OutOfMemoryException e)
            {
                // Nothing may be thrown through the library; whoever called it throws this.
                Failure = e;
                return false;
            }
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnDifference(ulong offset, nuint length, int exists, nint argument) =>
        SelfReference.Target<DifferenceCollector>(argument).TryAdd(offset, length, exists != 0) ? 0 : CephFailure.NoSpace;

    private void Check(int code, [CallerArgumentExpression(nameof(code))] string call = "") =>
        CephFailure.Check(code, NameOf(call), Subject);

    private int CheckCall(int code, string call) => CephFailure.Check(code, call, Subject);

    // "Librbd.rbd_stat(Handle, …)" → "rbd_stat"
    private static string NameOf(string call)
    {
        var start = call.IndexOf('.', StringComparison.Ordinal) + 1;
        var end = call.IndexOf('(', StringComparison.Ordinal);
        return end > start ? call[start..end] : call;
    }

    internal static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";

    public void Dispose()
    {
        if (_isSigned) _ = Librbd.rbd_metadata_remove(Handle, WriterKey);
        // A mark that stays is broken by the next writer who takes over; nothing more is lost.
        if (_isMarked) _ = Librbd.rbd_unlock(Handle, MarkOfWriter);
        _isSigned = _isMarked = false;
        Handle.Dispose();
        _context.Dispose();
    }
}
