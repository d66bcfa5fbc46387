using System.ComponentModel;
using System.Diagnostics;
using VBackup.Clouds.Libvirt.Nbd;

namespace VBackup.Clouds.Libvirt.Files;

/// <summary>Starts QEMU's tools, and tells what they complain of.</summary>
internal static class QemuProgram
{
    private const int ComplaintCharactersMax = 500;
    private static readonly TimeSpan s_endLimit = TimeSpan.FromSeconds(30);

    public static Process Start(string program, IEnumerable<string> arguments, string operation, string subject)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
        }
        catch (Win32Exception missing)
        {
            throw new CloudException(
                CloudFailure.NotSupported, operation, subject, $"{program} cannot be started: install the package qemu-utils", missing);
        }
    }

    /// <summary>Runs <c>qemu-img</c> to its end.</summary>
    public static async Task RunImageToolAsync(
        string operation, string subject, TimeSpan limit, TimeProvider clock, CancellationToken cancellation, params string[] arguments)
    {
        cancellation.ThrowIfCancellationRequested();
        using var process = Start("qemu-img", arguments, operation, subject);
        using var ending = new CancellationTokenSource(limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ending.Token, cancellation);
        try
        {
            var complaint = ReadComplaintAsync(process);
            await process.WaitForExitAsync(either.Token).ConfigureAwait(false);
            if (process.ExitCode != 0) throw Failed(operation, subject, await complaint.ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            // Whoever deletes what it has made must find that it makes no more. One that hangs in the kernel is not waited for without end.
            await process.WaitForExitAsync(CancellationToken.None).WaitAsync(s_endLimit, clock, CancellationToken.None)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellation.ThrowIfCancellationRequested();
            throw new CloudException(CloudFailure.TimedOut, operation, subject, $"qemu-img is not done after {limit.TotalSeconds:0.#} s");
        }
    }

    public static async Task<string> ReadComplaintAsync(Process process)
    {
        var buffer = new char[ComplaintCharactersMax];
        var length = await process.StandardError.ReadBlockAsync(buffer).ConfigureAwait(false);
        // The rest is read too: a full pipe would keep the process from ending.
        while (await process.StandardError.ReadLineAsync().ConfigureAwait(false) is not null) { }
        return NbdFailure.TextOf(System.Text.Encoding.UTF8.GetBytes(buffer, 0, length));
    }

    public static CloudException Failed(string operation, string subject, string complaint) => new(
        complaint.Contains(" lock", StringComparison.Ordinal) ? CloudFailure.InUse
        : complaint.Contains("No space left", StringComparison.Ordinal) ? CloudFailure.Full
        : complaint.Contains("No such file", StringComparison.Ordinal) ? CloudFailure.NotFound
        : complaint.Contains("Permission denied", StringComparison.Ordinal) ? CloudFailure.NotAllowed
        : CloudFailure.Other,
        operation, subject, complaint.Length > 0 ? complaint : "QEMU's tool ended without a word");
}
