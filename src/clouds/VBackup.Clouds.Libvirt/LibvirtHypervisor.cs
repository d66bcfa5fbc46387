using System.Runtime.InteropServices;
using System.Security.Cryptography;
using VBackup.Clouds.Libvirt.Domains;
using VBackup.Clouds.Libvirt.Native;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt;

/// <summary>
/// The servers of one libvirtd with QEMU. Thread-safe. A libvirtd that hangs is a <see cref="CloudException"/> that
/// says
/// <see cref="CloudFailure.TimedOut"/>; one that was restarted is connected to again.
/// </summary>
public sealed partial class LibvirtHypervisor : IHypervisor
{
    /// <summary>The kind of the configurations that this hypervisor gives and takes.</summary>
    public const string ConfigurationKind = "libvirt-domain-xml";

    private static readonly TimeSpan s_statePollDelay = TimeSpan.FromMilliseconds(250);

    private readonly LibvirtSettings _settings;
    private readonly TimeProvider _clock;
    private readonly LibvirtConnection _connection;

    public LibvirtHypervisor(LibvirtSettings settings, TimeProvider clock)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(settings.CallLimit, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.AgentLimit, TimeSpan.FromSeconds(1));
        _settings = settings;
        _clock = clock;
        _connection = new(settings, clock);
    }

    public string Description => _settings.Uri;

    internal LibvirtSettings Settings => _settings;

    public async Task<IReadOnlyList<Server>> ListAsync(CancellationToken cancellation) =>
        await _connection.CallAsync("list", Description, _settings.CallLimit, connection => ListAll(connection, ServerOf), cancellation)
            .ConfigureAwait(false);

    public async Task<Server?> FindAsync(string name, CancellationToken cancellation)
    {
        try
        {
            return await CallAsync("find", name, domain => ServerOf(domain, name), cancellation).ConfigureAwait(false);
        }
        catch (CloudException none) when (none.Failure is CloudFailure.NotFound)
        {
            return null;
        }
    }

    /// <summary>The description libvirt would start it from next time, in the form that other hosts understand.
    /// Passwords are left out by libvirt; keys for volumes are secrets of libvirt and only named.</summary>
    public async Task<ServerConfiguration> ReadConfigurationAsync(string name, CancellationToken cancellation)
    {
        var (xml, live) = await CallAsync("read the configuration", name, domain => (
            Xml(domain, name, LibvirtLibrary.XmlInactive | LibvirtLibrary.XmlMigratable),
            IsActive(domain, name) ? Xml(domain, name, 0) : null), cancellation).ConfigureAwait(false);
        var saved = DomainXml.Parse(xml, name);
        var hasMore = live is not null && LiveDisks.AddTo(saved, DomainXml.Parse(live, name));
        return new(ConfigurationKind, hasMore ? saved.ToString() : xml);
    }

    public IReadOnlyList<LeftOutDisk> LeftOutOf(ServerConfiguration configuration) => configuration.Kind != ConfigurationKind ? []
        : DomainDisks.LeftOutOf(DomainXml.Parse(configuration.Text, "a saved server"));

    /// <inheritdoc/>
    /// <remarks>Disks without a volume are dropped, but for the one it boots from: that is refused. What else is kept
    /// and what is not is told at <see cref="NewDomain"/>.</remarks>
    public async Task<Server> DefineAsync(
        string name, ServerConfiguration configuration, IReadOnlyDictionary<string, VolumeId> volumes, CancellationToken cancellation)
    {
        if (configuration.Kind != ConfigurationKind)
        {
            throw new CloudException(
                CloudFailure.NotSupported, "define", name, $"a configuration of kind {configuration.Kind} is none of libvirt's");
        }
        // A new UUID also keeps libvirt from taking this for a change of a server that exists.
        var xml = NewDomain.From(DomainXml.Parse(configuration.Text, name), name, NewId(), volumes, _settings.Ceph);
        return await _connection.CallAsync("define", name, _settings.CallLimit, connection =>
        {
            using (var existing = LibvirtLibrary.virDomainLookupByName(connection, name))
            {
                if (!existing.IsInvalid)
                    throw new CloudException(CloudFailure.Exists, "define", name, "a server of that name exists");
                if (LibvirtError.LastCode is not LibvirtErrorCode.NoDomain) throw LibvirtError.Last("define", name);
            }
            using var domain = LibvirtError.Check(LibvirtLibrary.virDomainDefineXML(connection, xml), "define", name);
            return ServerOf(domain, name);
        }, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <remarks>With it goes what libvirt keeps for it: saved memory, firmware variables, the state of its TPM, and
    /// its notes on snapshots and checkpoints.</remarks>
    public async Task RemoveAsync(string name, CancellationToken cancellation, string? id = null)
    {
        try
        {
            await CallAsync("remove", name, domain =>
            {
                // libvirt knows by the UUID, and not by the name, what this handle is for.
                if (id is not null && ServerOf(domain, name).Id != id) return 0;
                if (IsActive(domain, name)) throw new CloudException(CloudFailure.InUse, "remove", name, "it is not shut down");
                return LibvirtError.Check(
                    LibvirtLibrary.virDomainUndefineFlags(
                        domain,
                        LibvirtLibrary.UndefineSavedMemory | LibvirtLibrary.UndefineSnapshotsMetadata | LibvirtLibrary.UndefineNvram
                            | LibvirtLibrary.UndefineCheckpointsMetadata | LibvirtLibrary.UndefineTpm),
                    "remove", name);
            }, cancellation).ConfigureAwait(false);
        }
        catch (CloudException none) when (none.Failure is CloudFailure.NotFound)
        {
            // Somebody else removed it, or nobody ever defined it: it is not there, as asked.
        }
    }

    /// <inheritdoc/>
    /// <remarks>Memory that was saved to disk is thrown away: it belongs to the volumes as they were, and over volumes
    /// that were restored since it would destroy them.</remarks>
    public async Task<bool> StartAsync(string name, CancellationToken cancellation) =>
        await CallAsync("start", name, domain =>
        {
            if (IsActive(domain, name)) return false;
            // Starting on a loaded host takes its time; another may have been faster.
            if (LibvirtLibrary.virDomainCreateWithFlags(domain, LibvirtLibrary.StartDiscardingSavedMemory) >= 0) return true;
            var failure = LibvirtError.Last("start", name);
            return IsActive(domain, name) ? false : throw failure;
        }, cancellation, _settings.StartLimit).ConfigureAwait(false);

    /// <inheritdoc/>
    /// <remarks>The agent is asked first where there is one, then the power button is pressed; at half of the patience
    /// it is pressed once more, for guests that slept through the first.</remarks>
    public async Task StopAsync(string name, TimeSpan patience, CancellationToken cancellation)
    {
        var started = _clock.GetTimestamp();
        // A server that was never there is a mistake of the caller; one that goes meanwhile is stopped.
        if (!await CallAsync("ask the state", name, domain => IsActive(domain, name), cancellation).ConfigureAwait(false)) return;
        await AskToShutDownAsync(name, flags: 0, cancellation).ConfigureAwait(false);
        var askedTwice = false;
        while (_clock.GetElapsedTime(started) is var waited && waited < patience)
        {
            if (!await IsActiveAsync(name, cancellation).ConfigureAwait(false)) return;
            if (!askedTwice && waited > patience / 2)
            {
                askedTwice = true;
                await AskToShutDownAsync(name, LibvirtLibrary.ShutdownByPowerButton, cancellation).ConfigureAwait(false);
            }
            await Task.Delay(s_statePollDelay, _clock, cancellation).ConfigureAwait(false);
        }
        if (!await IsActiveAsync(name, cancellation).ConfigureAwait(false)) return;
        try
        {
            await CallAsync(
                "destroy", name, domain => LibvirtError.Check(LibvirtLibrary.virDomainDestroy(domain), "destroy", name),
                cancellation, _settings.StartLimit).ConfigureAwait(false);
        }
        catch (CloudException)
        {
            // It may have gone by itself between the question and the order; only one that runs on is a failure.
            if (await IsActiveAsync(name, cancellation).ConfigureAwait(false)) throw;
        }
    }

    /// <inheritdoc/>
    /// <remarks>What <c>virsh managedsave</c>, or a host that was shut down, has left. Memory that was saved to a file of somebody's own
    /// choice (<c>virsh save</c>) is known to nobody.</remarks>
    public async Task<bool> DropSavedMemoryAsync(string name, CancellationToken cancellation) =>
        await CallAsync("drop the saved memory", name, domain =>
        {
            const string operation = "drop the saved memory";
            if (IsActive(domain, name)) return false;
            if (LibvirtError.Check(LibvirtLibrary.virDomainHasManagedSaveImage(domain, flags: 0), operation, name) == 0) return false;
            LibvirtError.Check(LibvirtLibrary.virDomainManagedSaveRemove(domain, flags: 0), operation, name);
            return true;
        }, cancellation).ConfigureAwait(false);

    public ValueTask DisposeAsync()
    {
        _connection.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task AskToShutDownAsync(string name, uint flags, CancellationToken cancellation)
    {
        try
        {
            await CallAsync(
                "shut down", name,
                domain =>
                {
                    // A hanging agent must not use up the patience.
                    LimitAgent(domain, name);
                    return LibvirtError.Check(LibvirtLibrary.virDomainShutdownFlags(domain, flags), "shut down", name);
                },
                cancellation, AgentCallLimit).ConfigureAwait(false);
        }
        catch (CloudException failure) when (failure.Failure is not CloudFailure.NotAllowed)
        {
            // One that cannot be asked, or is gone by now, is handled by what follows: waiting, then ending it.
        }
    }

    /// <summary>A server that vanished is not active: one that was never defined for good is gone when it
    /// stops.</summary>
    private async Task<bool> IsActiveAsync(string name, CancellationToken cancellation)
    {
        try
        {
            return await CallAsync("ask the state", name, domain => IsActive(domain, name), cancellation).ConfigureAwait(false);
        }
        catch (CloudException none) when (none.Failure is CloudFailure.NotFound)
        {
            return false;
        }
    }

    private Task<T> CallAsync<T>(
        string operation, string name, Func<DomainHandle, T> call, CancellationToken cancellation, TimeSpan? limit = null) =>
        _connection.CallAsync(operation, name, limit ?? _settings.CallLimit, connection =>
        {
            using var domain = LibvirtError.Check(LibvirtLibrary.virDomainLookupByName(connection, name), operation, name);
            return call(domain);
        }, cancellation);

    /// <summary>All domains, ordered by name.</summary>
    private static List<T> ListAll<T>(ConnectionHandle connection, Func<DomainHandle, string, T> look)
    {
        var count = LibvirtError.Check(LibvirtLibrary.virConnectListAllDomains(connection, out var array, 0), "list", "servers");
        var domains = new List<DomainHandle>(count);
        try
        {
            for (var i = 0; i < count; i++) domains.Add(new(Marshal.ReadIntPtr(array, i * nint.Size)));
            var found = new List<(string Name, T Item)>(count);
            foreach (var domain in domains)
            {
                var name = Marshal.PtrToStringUTF8(LibvirtLibrary.virDomainGetName(domain))!;
                try
                {
                    found.Add((name, look(domain, name)));
                }
                catch (CloudException gone) when (gone.Failure is CloudFailure.NotFound)
                {
                    // Removed between the list and the look at it: it is not in the list any more.
                }
            }
            found.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
            return [.. found.Select(item => item.Item)];
        }
        finally
        {
            foreach (var domain in domains) domain.Dispose();
            LibvirtLibrary.free(array);
        }
    }

    private static Server ServerOf(DomainHandle domain, string name)
    {
        var description = DomainXml.Parse(Xml(domain, name, flags: 0), name);
        var state = State(domain, name) switch
        {
            DomainState.Running or DomainState.Blocked or DomainState.ShuttingDown => ServerState.Running,
            DomainState.Paused or DomainState.Suspended => ServerState.Paused,
            DomainState.ShutOff => ServerState.Shutdown,
            _ => ServerState.Other,
        };
        return new(name, IdOf(domain, name), state, DomainDisks.Of(description))
        {
            LeftOut = DomainDisks.LeftOutOf(description),
            Size = DomainSize.Of(description),
        };
    }

    private static string IdOf(DomainHandle domain, string name)
    {
        var id = new byte[16];
        LibvirtError.Check(LibvirtLibrary.virDomainGetUUID(domain, id), "find", name);
        return new Guid(id, bigEndian: true).ToString();
    }

    private static string Xml(DomainHandle domain, string name, uint flags) =>
        LibvirtError.TakeText(LibvirtLibrary.virDomainGetXMLDesc(domain, flags), "read the domain's XML", name);

    private static DomainState State(DomainHandle domain, string name)
    {
        LibvirtError.Check(LibvirtLibrary.virDomainGetState(domain, out var state, out _, 0), "ask the state", name);
        return (DomainState)state;
    }

    private static bool IsActive(DomainHandle domain, string name) =>
        LibvirtError.Check(LibvirtLibrary.virDomainIsActive(domain), "ask the state", name) == 1;

    /// <summary>A UUID of version 4.</summary>
    private static Guid NewId()
    {
        var bytes = RandomNumberGenerator.GetBytes(16);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new(bytes, bigEndian: true);
    }

    /// <summary>libvirt's numbers (<c>virDomainState</c>).</summary>
    private enum DomainState
    {
        None = 0,
        Running = 1,
        Blocked = 2,
        Paused = 3,
        ShuttingDown = 4,
        ShutOff = 5,
        Crashed = 6,
        Suspended = 7,
    }
}
