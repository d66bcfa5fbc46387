using System.Runtime.InteropServices;
using VBackup.Clouds.Libvirt.Domains;
using VBackup.Clouds.Libvirt.Native;

namespace VBackup.Clouds.Libvirt;

/// <summary>What backups of disks that are files ask of libvirt.</summary>
public sealed partial class LibvirtHypervisor
{
    /// <summary>Every server with its disks that are files or devices, ordered by name.</summary>
    internal async Task<IReadOnlyList<DomainFiles>> ListFilesAsync(CancellationToken cancellation) =>
        await _connection.CallAsync("list", Description, _settings.CallLimit, connection => ListAll(connection, (domain, name) =>
            DomainFiles.Of(name, IdOf(domain, name), IsActive(domain, name), DomainXml.Parse(Xml(domain, name, flags: 0), name))),
            cancellation).ConfigureAwait(false);

    /// <summary>Begins a backup job and makes a checkpoint of the same instant.</summary>
    /// <returns>Null when it has begun; why not, when a checkpoint that it builds on is broken.</returns>
    internal async Task<string?> BeginBackupAsync(string name, string job, string? checkpoint, CancellationToken cancellation) =>
        await CallAsync("begin a backup", name, domain =>
        {
            if (LibvirtBackupLibrary.virDomainBackupBegin(domain, job, checkpoint, 0) >= 0) return null;
            var isBroken = LibvirtError.LastCode is LibvirtErrorCode.CheckpointInconsistent;
            var failure = LibvirtError.Last("begin a backup", name);
            return isBroken ? failure.Message : throw failure;
        }, cancellation, _settings.StartLimit).ConfigureAwait(false);

    /// <summary>The description of the backup job that is under way; null when there is none.</summary>
    internal async Task<string?> ReadBackupAsync(string name, CancellationToken cancellation) =>
        await CallAsync("look for a backup job", name, domain =>
        {
            var text = LibvirtBackupLibrary.virDomainBackupGetXMLDesc(domain, 0);
            if (text == 0 && (LibvirtError.LastCode is LibvirtErrorCode.NoBackup || !IsActive(domain, name))) return null;
            return LibvirtError.TakeText(text, "look for a backup job", name);
        }, cancellation).ConfigureAwait(false);

    /// <summary>Ends the backup job; returns when it has ended. REQUIRES: it is one, and of ours.</summary>
    internal async Task EndBackupAsync(string name, CancellationToken cancellation)
    {
        var started = _clock.GetTimestamp();
        await CallAsync("end the backup job", name, domain =>
            LibvirtError.Check(LibvirtBackupLibrary.virDomainAbortJob(domain), "end the backup job", name), cancellation)
                .ConfigureAwait(false);
        while (await ReadBackupAsync(name, cancellation).ConfigureAwait(false) is not null)
        {
            if (_clock.GetElapsedTime(started) > _settings.CallLimit)
                throw new CloudException(
                    CloudFailure.TimedOut, "end the backup job", name, $"it goes on after {_settings.CallLimit.TotalSeconds:0.#} s");
            await Task.Delay(s_statePollDelay, _clock, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The descriptions of the server's checkpoints, in no order.</summary>
    internal async Task<IReadOnlyList<string>> ListCheckpointsAsync(string name, CancellationToken cancellation) =>
        await CallAsync("list checkpoints", name, domain =>
        {
            const string operation = "list checkpoints";
            var count = LibvirtError.Check(LibvirtBackupLibrary.virDomainListAllCheckpoints(domain, out var array, 0), operation, name);
            var checkpoints = new List<CheckpointHandle>(count);
            try
            {
                for (var i = 0; i < count; i++) checkpoints.Add(new(Marshal.ReadIntPtr(array, i * nint.Size)));
                return checkpoints.ConvertAll(checkpoint => LibvirtError.TakeText(
                    LibvirtBackupLibrary.virDomainCheckpointGetXMLDesc(checkpoint, LibvirtBackupLibrary.CheckpointXmlNoDomain), operation,
                        name));
            }
            finally
            {
                foreach (var checkpoint in checkpoints) checkpoint.Dispose();
                LibvirtLibrary.free(array);
            }
        }, cancellation).ConfigureAwait(false);

    /// <summary>Removes a checkpoint with its bitmaps where libvirt can do that, else what libvirt knows of it. One that is
    /// not there is no error.</summary>
    /// <returns>False when the bitmaps may be left.</returns>
    internal async Task<bool> DeleteCheckpointAsync(string name, string checkpoint, CancellationToken cancellation) =>
        await CallAsync("remove a checkpoint", name, domain =>
        {
            var subject = $"{name}@{checkpoint}";
            using var found = LibvirtBackupLibrary.virDomainCheckpointLookupByName(domain, checkpoint, 0);
            if (found.IsInvalid)
                return LibvirtError.LastCode is LibvirtErrorCode.NoCheckpoint ? true
                    : throw LibvirtError.Last("remove a checkpoint", subject);
            // Of a server that is shut down, or whose bitmap was lost, libvirt removes no bitmaps.
            if (LibvirtBackupLibrary.virDomainCheckpointDelete(found, 0) >= 0) return true;
            LibvirtError.Check(
                LibvirtBackupLibrary.virDomainCheckpointDelete(found, LibvirtBackupLibrary.DeleteMetadataOnly), "remove a checkpoint",
                    subject);
            return false;
        }, cancellation).ConfigureAwait(false);
}
