using System.Globalization;
using VBackup.Clouds.Libvirt.Nbd;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Clouds.Libvirt.Files;

/// <summary>Opens images that no server has open, through a <c>qemu-nbd</c> each.</summary>
internal sealed class ImageOpening(StateFolder state, TimeProvider clock)
{
    /// <summary>Longest that one request to an NBD server may take.</summary>
    public static readonly TimeSpan RequestLimit = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    public async Task<IVolumeReader> ForReadingAsync(string path, string format, string description, CancellationToken cancellation)
    {
        var (server, session, address) = await QemuNbd.OpenAsync(
            path, format, isWritable: false, description, RequestLimit, clock, cancellation).ConfigureAwait(false);
        var transfer = new NbdTransfer(session, RequestLimit, clock);
        var map = await OpenMapAsync(transfer, server, address, cancellation).ConfigureAwait(false);
        return new NbdReader(transfer, map, description, server);
    }

    /// <param name="takesOver">Whoever wrote it before is shut out for good.</param>
    /// <exception cref="CloudException">Somebody has it open.</exception>
    public async Task<IVolumeWriter> ForWritingAsync(VolumeFile file, WriterOptions options, CancellationToken cancellation)
    {
        var place = options.TakesOver
            ? await TakeOverAsync(file, options, cancellation).ConfigureAwait(false) : Hold(file.Volume, "open for writing");
        try
        {
            if (!options.TakesOver && options.Claim is { } claim)
                VolumeClaim.Require(state.Claim(file.Volume), file.Path, claim, file.Path);
            var (server, session, address) = await QemuNbd.OpenAsync(
                file.Path, file.Format, isWritable: true, file.Path, RequestLimit, clock, cancellation).ConfigureAwait(false);
            var transfer = new NbdTransfer(session, RequestLimit, clock);
            var map = await OpenMapAsync(transfer, server, address, cancellation).ConfigureAwait(false);
            var writer = new NbdWriter(transfer, map, file.Path, options.IsNew, server, place, state.RestoreNote(file.Volume));
            try
            {
                if (!transfer.CanFlush || !transfer.CanWriteZeroes)
                    throw new CloudException(CloudFailure.NotSupported, "open for writing", file.Path,
                        "this qemu-nbd cannot flush or write zeros");
                // Told first, looked at then: whoever takes over looks first, and then ends what was told.
                await File.WriteAllTextAsync(state.WriterProcess(file.Volume), server.ProcessId.ToString(CultureInfo.InvariantCulture),
                    CancellationToken.None)
                    .ConfigureAwait(false);
                return place.IsCurrent ? writer : throw new CloudException(
                    CloudFailure.InUse, "open for writing", file.Path, "somebody else has taken the volume over");
            }
            catch
            {
                await writer.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
        catch
        {
            place.Dispose();
            throw;
        }
    }

    /// <summary>Makes a range read as zeros. REQUIRES: the writer's place is held.</summary>
    public async Task ZeroAsync(VolumeFile file, Extent range, CancellationToken cancellation)
    {
        var (server, session, _) = await QemuNbd.OpenAsync(
            file.Path, file.Format, isWritable: true, file.Path, RequestLimit, clock, cancellation).ConfigureAwait(false);
        await using var ending = server.ConfigureAwait(false);
        var transfer = new NbdTransfer(session, RequestLimit, clock);
        await using var closing = transfer.ConfigureAwait(false);
        await transfer.WriteZeroesAsync(range.Offset, range.Length, cancellation).ConfigureAwait(false);
        await transfer.FlushAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Takes the place of a volume's writer, if nobody has it.</summary>
    /// <exception cref="CloudException">Somebody has.</exception>
    public FileLock Hold(VolumeId volume, string operation) =>
        FileLock.TryHold(state.WriterLock(volume), isExclusive: true)
        ?? throw new CloudException(CloudFailure.InUse, operation, volume.Value, "somebody has it open for writing");

    // The old writer may be stopped in the middle of a write and wake up later: its server's end is what shuts it out. Whether anybody has
    // taken over since it was looked at, and the taking over, are one step: of two, one sees the other.
    private async Task<FileLock> TakeOverAsync(VolumeFile file, WriterOptions options, CancellationToken cancellation)
    {
        var volume = file.Volume;
        using var alone = await HoldTakingOverAsync(volume, "open for writing", cancellation).ConfigureAwait(false);
        // Before anything else: a crash leaves earlier claims void, and harms nobody.
        VolumeClaim.TakeOver(state.Claim(volume), file.Path, options, file.Path);
        var place = FileLock.Replace(state.WriterLock(volume));
        try
        {
            var told = state.WriterProcess(volume);
            if (File.Exists(told) && int.TryParse(
                await File.ReadAllTextAsync(told, cancellation).ConfigureAwait(false), NumberStyles.None, CultureInfo.InvariantCulture,
                    out var process))
                await QemuNbd.EndOtherAsync(process, volume.Value, clock, cancellation).ConfigureAwait(false);
            return place;
        }
        catch
        {
            place.Dispose();
            throw;
        }
    }

    /// <summary>As long as it is held, nobody takes the volume over.</summary>
    public async Task<FileLock> HoldTakingOverAsync(VolumeId volume, string operation, CancellationToken cancellation)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            if (FileLock.TryHold(state.TakingOver(volume), isExclusive: true) is { } held) return held;
            if (clock.GetElapsedTime(began) >= RequestLimit)
                throw new CloudException(CloudFailure.TimedOut, operation, volume.Value, "somebody else is taking it over");
            await Task.Delay(s_pause, clock, cancellation).ConfigureAwait(false);
        }
    }

    private static async Task<NbdMap> OpenMapAsync(
        NbdTransfer transfer, QemuNbd server, NbdAddress address, CancellationToken cancellation)
    {
        try
        {
            return await Task.Run(
                () => NbdMap.Open(address, NbdWire.AllocationContext, RequestLimit), cancellation).ConfigureAwait(false);
        }
        catch
        {
            await transfer.DisposeAsync().ConfigureAwait(false);
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
