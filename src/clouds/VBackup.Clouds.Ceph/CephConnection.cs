using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using VBackup.Clouds.Ceph.Native;

namespace VBackup.Clouds.Ceph;

/// <summary>A client of the cluster. Its methods block; <see cref="BoundedCalls"/> runs them. Thread-safe.</summary>
internal sealed unsafe class CephConnection : IDisposable
{
    // A client that is shut out must stay so for longer than any machine sleeps.
    private const uint ShutOutSeconds = 365 * 24 * 3600;
    private const int PoolNameSizeMax = 1024, OptionSizeMax = 4096;
    // The library looks at its clock now and then.
    private static readonly TimeSpan s_openingMargin = TimeSpan.FromSeconds(15);
    private readonly ClusterHandle _cluster;
    private readonly string _description;

    // librbd's buffers go from thread to thread. Where each has an arena of its own, what is freed stays with all of them: some
    // hundred MiB. One arena for all costs no time that can be measured. Threads that have an arena by now keep it, so whoever
    // starts the program sets MALLOC_ARENA_MAX=1, as the launcher does.
    static CephConnection() => _ = Libc.mallopt(Libc.M_ARENA_MAX, 1);

    private CephConnection(ClusterHandle cluster, string description)
    {
        _cluster = cluster;
        _description = description;
    }

    /// <summary>Which client this is to the cluster; watchers carry it.</summary>
    public long ClientId => (long)Librados.rados_get_instance_id(_cluster);

    public static CephConnection Open(CephSettings settings) => Open(settings, settings.OperationTimeout);

    /// <param name="patience">For how long the monitors may give no answer to each of the two questions that begin a connection. Whole
    /// seconds, at least one. Those that do not answer the first are asked no second one.</param>
    public static CephConnection Open(CephSettings settings, TimeSpan patience)
    {
        var description = $"{settings.ConfigurationFile} as client.{settings.User}";
        RequireFile(settings.ConfigurationFile, "it is to be Ceph's configuration, which says where the monitors are");
        if (settings.KeyringFile is { } keyring) RequireFile(keyring, $"it is to be the keyring with the key of client.{settings.User}");
        CephFailure.Check(
            Librados.rados_create2(out var created, settings.ClusterName, "client." + settings.User, 0), "rados_create2", description);
        var cluster = new ClusterHandle(created);
        try
        {
            CephFailure.Check(
                Librados.rados_conf_read_file(cluster, settings.ConfigurationFile), "rados_conf_read_file", description);
            foreach (var (option, value) in Options(settings, patience))
                CephFailure.Check(Librados.rados_conf_set(cluster, option, value), "rados_conf_set " + option, description);
            Connect(cluster, settings, description, patience);
            return new(cluster, description);
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    /// <summary>After which <see cref="Open(CephSettings, TimeSpan)"/> has given up by itself, and said why.</summary>
    public static TimeSpan LongestOpening(TimeSpan patience) => 2 * patience + s_openingMargin;

    // The library says of either that there is no such thing, and not what.
    private static void RequireFile(string path, string use)
    {
        if (File.Exists(path)) return;
        throw new CloudException(CloudFailure.NotFound, "connect", path,
            $"{(Directory.Exists(path) ? "it is a folder and no file" : "there is no such file")}: {use}");
    }

    private static void Connect(ClusterHandle cluster, CephSettings settings, string description, TimeSpan patience)
    {
        var code = Librados.rados_connect(cluster);
        if (code >= 0) return;
        var monitors = OptionOf(cluster, "mon_host");
        var addresses = monitors.Length > 0 ? monitors : "the addresses that are configured";
        switch (code)
        {
            case CephFailure.TimedOut:
                throw new CloudException(CloudFailure.TimedOut, "connect", description,
                    $"no monitor answered for {patience.TotalSeconds:0} s at {addresses}: check the network, and mon_host in "
                    + settings.ConfigurationFile);
            case CephFailure.NoSuchThing when monitors.Length == 0:
                throw new CloudException(CloudFailure.Other, "connect", description,
                    $"{settings.ConfigurationFile} names no monitors: set mon_host there");
            // What is missing is the keyring, or the user's key in it.
            case CephFailure.NoSuchThing:
                throw new CloudException(CloudFailure.NotAllowed, "connect", description,
                    $"there is no key for this user in {OptionOf(cluster, "keyring")}");
            default:
                throw CephFailure.Of(code, "rados_connect", description);
        }
    }

    /// <summary>What the configuration says, the cluster's own included; empty where it says nothing.</summary>
    public string OptionOf(string option) => OptionOf(_cluster, option);

    private static string OptionOf(ClusterHandle cluster, string option)
    {
        var value = stackalloc byte[OptionSizeMax];
        return Librados.rados_conf_get(cluster, option, value, OptionSizeMax) == 0 ? Marshal.PtrToStringUTF8((nint)value) ?? "" : "";
    }

    private static IEnumerable<(string Option, string Value)> Options(CephSettings settings, TimeSpan patience)
    {
        // Without these three a dead disk or monitor is waited for without end.
        yield return ("rados_osd_op_timeout", Seconds(settings.OperationTimeout));
        yield return ("rados_mon_op_timeout", Seconds(settings.OperationTimeout));
        yield return ("client_mount_timeout", Seconds(patience));
        // librbd 16.2 tells whoever opened an image that it is open, and then takes the image's own lock once more. Where the image
        // was closed meanwhile, that is memory that was given back, and the process ends. The closing needs one of these
        // threads too: as long as there is one only, it comes after whatever that thread has begun.
        yield return ("librados_thread_count", "1");
        // A backup reads everything once; and what a writer has been told is written must be in the cluster at the flush.
        yield return ("rbd_cache", "false");
        // Breaking a lock without shutting out its holder would leave two writers.
        yield return ("rbd_blocklist_on_break_lock", "true");
        // Zeros are zeros, also where they do not fill a whole object.
        yield return ("rbd_skip_partial_discard", "false");
        yield return ("admin_socket", "");
        yield return ("log_to_stderr", "false");
        yield return ("err_to_stderr", "false");
        if (settings.KeyringFile is { } keyring) yield return ("keyring", keyring);
    }

    private static string Seconds(TimeSpan time) => Math.Max(1, (long)time.TotalSeconds).ToString(CultureInfo.InvariantCulture);

    public IoContextHandle OpenPool(string pool, string @namespace)
    {
        CephFailure.Check(Librados.rados_ioctx_create(_cluster, pool, out var created), "rados_ioctx_create", $"pool {pool}");
        return Entered(created, @namespace);
    }

    public IoContextHandle OpenPool(long poolId, string @namespace)
    {
        CephFailure.Check(Librados.rados_ioctx_create2(_cluster, poolId, out var created), "rados_ioctx_create2", $"pool {poolId}");
        return Entered(created, @namespace);
    }

    private IoContextHandle Entered(nint created, string @namespace)
    {
        var context = new IoContextHandle(created, _cluster);
        if (@namespace.Length > 0) Librados.rados_ioctx_set_namespace(context, @namespace);
        return context;
    }

    public string PoolName(long poolId)
    {
        var buffer = stackalloc byte[PoolNameSizeMax];
        var length = CephFailure.Check(
            Librados.rados_pool_reverse_lookup(_cluster, poolId, buffer, PoolNameSizeMax), "rados_pool_reverse_lookup", $"pool {poolId}");
        return Encoding.UTF8.GetString(buffer, length);
    }

    public long PoolId(string pool)
    {
        var id = Librados.rados_pool_lookup(_cluster, pool);
        return id >= 0 ? id : throw CephFailure.Of(id, "rados_pool_lookup", $"pool {pool}");
    }

    public bool HasPool(string pool)
    {
        var id = Librados.rados_pool_lookup(_cluster, pool);
        return id >= 0 || (id == CephFailure.NoSuchThing ? false : throw CephFailure.Of(id, "rados_pool_lookup", $"pool {pool}"));
    }

    /// <summary>Shuts a client out: no disk takes anything from it any more. Returns when this connection knows so too: what it
    /// sends from now on carries the news to every disk that it reaches.</summary>
    public void ShutOut(string clientAddress, string subject)
    {
        CephFailure.Check(
            Librados.rados_blocklist_add(_cluster, clientAddress, ShutOutSeconds), "rados_blocklist_add", $"{subject}: {clientAddress}");
        CephFailure.Check(Librados.rados_wait_for_latest_osdmap(_cluster), "rados_wait_for_latest_osdmap", subject);
    }

    /// <summary>Bytes that a pool can still take, by its disks and by its quota.</summary>
    public long FreeBytes(string pool)
    {
        using var answer = JsonDocument.Parse(Ask("""{"prefix":"df","detail":"detail","format":"json"}"""));
        foreach (var entry in answer.RootElement.GetProperty("pools").EnumerateArray())
        {
            if (entry.GetProperty("name").GetString() != pool) continue;
            var stats = entry.GetProperty("stats");
            var free = stats.GetProperty("max_avail").GetInt64();
            if (stats.TryGetProperty("quota_bytes", out var quota) && quota.GetInt64() is > 0 and var limit)
                free = Math.Min(free, Math.Max(0, limit - stats.GetProperty("stored").GetInt64()));
            return free;
        }
        throw CephFailure.Of(CephFailure.NoSuchThing, "df", $"pool {pool}");
    }

    /// <summary>Which disk answers for an object, as <c>osd.3</c>.</summary>
    public string DiskOf(string pool, string @namespace, string piece)
    {
        var place = $"\"pool\":{Quoted(pool)},\"nspace\":{Quoted(@namespace)},\"object\":{Quoted(piece)}";
        using var answer = JsonDocument.Parse(Ask($$"""{"prefix":"osd map","format":"json",{{place}}}"""));
        return string.Create(CultureInfo.InvariantCulture, $"osd.{answer.RootElement.GetProperty("acting_primary").GetInt64()}");
    }

    /// <summary>Whether there is an object, as its disk says.</summary>
    public bool HasObject(string pool, string @namespace, string name)
    {
        using var context = OpenPool(pool, @namespace);
        var code = Librados.rados_stat(context, name, out _, out _);
        if (code != CephFailure.NoSuchThing) CephFailure.Check(code, "rados_stat", $"pool {pool}: {name}");
        return code >= 0;
    }

    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text)}\"";

    private byte[] Ask(string command)
    {
        var text = Marshal.StringToCoTaskMemUTF8(command);
        byte* answer = null, status = null;
        try
        {
            var commands = stackalloc byte*[1] { (byte*)text };
            var code = Librados.rados_mon_command(
                _cluster, commands, 1, null, 0, out answer, out var length, out status, out _);
            CephFailure.Check(code, "rados_mon_command", _description);
            return new ReadOnlySpan<byte>(answer, checked((int)length)).ToArray();
        }
        finally
        {
            Librados.rados_buffer_free(answer);
            Librados.rados_buffer_free(status);
            Marshal.FreeCoTaskMem(text);
        }
    }

    public void Dispose() => _cluster.Dispose();
}
