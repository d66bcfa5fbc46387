using System.Diagnostics;
using System.Globalization;
using VBackup.Clouds.Libvirt.Nbd;

namespace VBackup.Clouds.Libvirt.Files;

/// <summary>
/// A <c>qemu-nbd</c> of our own that has one image open, on a socket that only we reach. QEMU's locks keep servers of this
/// host away from an image that is open for writing. It ends by itself when its last client is gone, so also when we are
/// killed; being killed itself shuts its clients out for good.
/// </summary>
internal sealed class QemuNbd : IAsyncDisposable
{
    private static readonly TimeSpan s_pollDelay = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(30), s_endLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Task<string> _complaint;
    private readonly string _folder;
    private readonly TimeProvider _clock;

    private QemuNbd(Process process, string folder, TimeProvider clock)
    {
        (_process, _folder, _clock) = (process, folder, clock);
        _complaint = QemuProgram.ReadComplaintAsync(process);
    }

    public int ProcessId => _process.Id;

    /// <summary>Opens an image and connects to it.</summary>
    /// <exception cref="CloudException">The image cannot be opened, or is in use.</exception>
    public static async Task<(QemuNbd Server, NbdSession Session, NbdAddress Address)> OpenAsync(
        string path, string format, bool isWritable, string subject, TimeSpan limit, TimeProvider clock, CancellationToken cancellation)
    {
        const string operation = "open";
        var folder = Directory.CreateTempSubdirectory("vbackup-nbd-").FullName;
        var address = new NbdAddress(Path.Combine(folder, "s"), "", subject);
        QemuNbd? server = null;
        try
        {
            string[] access = isWritable ? ["--discard=unmap"] : ["--read-only"];
            server = new(QemuProgram.Start(
                "qemu-nbd", ["--socket", address.SocketPath, "--shared", "0", "--format", format, .. access, "--", path], operation,
                    subject),
                folder, clock);
            var session = await server.ConnectAsync(address, operation, limit, cancellation).ConfigureAwait(false);
            return (server, session, address);
        }
        catch
        {
            if (server is not null) await server.KillAsync().ConfigureAwait(false);
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    private async Task<NbdSession> ConnectAsync(NbdAddress address, string operation, TimeSpan limit, CancellationToken cancellation)
    {
        var started = _clock.GetTimestamp();
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (_process.HasExited)
                throw QemuProgram.Failed(operation, address.Subject, await _complaint.ConfigureAwait(false));
            if (File.Exists(address.SocketPath))
            {
                try
                {
                    return await Task.Run(() => NbdSession.Open(address, context: null, limit), cancellation).ConfigureAwait(false);
                }
                catch (CloudException early) when (early.Failure is CloudFailure.Other && _clock.GetElapsedTime(started) < s_startLimit)
                {
                    // Between making the socket and listening on it; or it has ended, as is seen at the next look.
                }
            }
            if (_clock.GetElapsedTime(started) >= s_startLimit)
                throw new CloudException(CloudFailure.TimedOut, operation, address.Subject, "qemu-nbd does not come up");
            await Task.Delay(s_pollDelay, _clock, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Ends the process of an earlier writer, whoever started it; returns when it has let go of the image.</summary>
    public static async Task EndOtherAsync(int processId, string path, TimeProvider clock, CancellationToken cancellation)
    {
        var started = clock.GetTimestamp();
        if (!IsOpenIn(processId, path)) return;
        try
        {
            using var other = Process.GetProcessById(processId);
            other.Kill();
        }
        catch (ArgumentException)
        {
            // It has ended since it was looked at.
        }
        while (HasFiles(processId))
        {
            if (clock.GetElapsedTime(started) >= s_endLimit)
                throw new CloudException(CloudFailure.InUse, "open for writing", path, $"process {processId} has it and does not end");
            await Task.Delay(s_pollDelay, clock, cancellation).ConfigureAwait(false);
        }
    }

    // The number may be another process's by now.
    private static bool IsOpenIn(int processId, string path)
    {
        try
        {
            var words = File.ReadAllText($"/proc/{processId.ToString(CultureInfo.InvariantCulture)}/cmdline").Split('\0');
            return Path.GetFileName(words[0]) == "qemu-nbd" && words.Contains(path);
        }
        catch (IOException)
        {
            return false;
        }
    }

    // One whose parent does not ask for its end stays in the list of processes without having anything open. Its files are closed by the
    // last of its threads, for which the first does not wait.
    private static bool HasFiles(int processId)
    {
        try
        {
            return Directory.EnumerateDirectories($"/proc/{processId.ToString(CultureInfo.InvariantCulture)}/task").Any(IsAlive);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static bool IsAlive(string thread)
    {
        try
        {
            var status = File.ReadAllText(Path.Combine(thread, "stat"));
            return status[status.LastIndexOf(')')..].Split(' ')[1] is not ("Z" or "X");
        }
        catch (IOException)
        {
            // It has ended since it was listed.
            return false;
        }
    }

    /// <summary>REQUIRES: its clients have gone. Returns when it has written all to the image and closed it.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _process.WaitForExitAsync().WaitAsync(s_endLimit, _clock).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // What was flushed is on the disk; the rest was never promised.
            await KillAsync().ConfigureAwait(false);
        }
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().ConfigureAwait(false);
    }
}
