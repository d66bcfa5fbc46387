using System.Globalization;

namespace VBackup.Vault;

/// <summary>Which process on which boot of which host; enough to tell, on that host, that it is gone.</summary>
public sealed record ProcessIdentity(string Host, string BootId, int ProcessId, long ProcessStart)
{
    private static readonly Lazy<ProcessIdentity> s_current = new(() => new(
        Environment.MachineName, ReadBootId(), Environment.ProcessId, ReadStart(Environment.ProcessId) ?? 0));

    public static ProcessIdentity Current => s_current.Value;

    /// <summary>True only when it is certain: the process ran on this boot of this host and is no more.</summary>
    public static bool IsSurelyGone(string bootId, int processId, long processStart) =>
        bootId.Length > 0 && processId > 0 && processStart > 0 && bootId == Current.BootId
        && SeesOthers() && ReadStart(processId) != processStart;

    // Where /proc hides the processes of others (hidepid), even the first of all is not to be seen.
    private static bool SeesOthers() => ReadStart(1) is not null;

    private static string ReadBootId()
    {
        const string path = "/proc/sys/kernel/random/boot_id";
        return File.Exists(path) ? File.ReadAllText(path).Trim() + ReadPidNamespace() : "";
    }

    // Two containers of one host share the boot id but not the process ids.
    private static string ReadPidNamespace() => "/" + (new FileInfo("/proc/self/ns/pid").LinkTarget ?? "");

    private static long? ReadStart(int processId)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{processId}/stat");
            // Fields after the command's closing bracket; the 20th of them is the start in ticks. See proc(5).
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            // A zombie holds no connection and puts nothing more.
            return fields[0] == "Z" ? null : long.Parse(fields[19], CultureInfo.InvariantCulture);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // No such process.
            return null;
        }
    }
}
