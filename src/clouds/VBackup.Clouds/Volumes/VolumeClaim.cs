using System.Text;

namespace VBackup.Clouds.Volumes;

/// <summary>Who has last taken a volume over (<see cref="WriterOptions.Claim"/>), kept in a file beside it. Blocking.</summary>
public static class VolumeClaim
{
    /// <summary>From here on the claims of others are void.</summary>
    public static void Write(string path, string? claim) => WholeFile.Write(path, Encoding.UTF8.GetBytes(claim ?? ""));

    /// <returns>Null when nobody has taken it over, or without a claim.</returns>
    public static string? Read(string path) => File.Exists(path) && File.ReadAllText(path) is { Length: > 0 } claim ? claim : null;

    /// <exception cref="CloudException">Somebody has taken over since the claim was written.</exception>
    public static void Require(string path, string claim, string volume) => RequireSame(Read(path), claim, volume);

    /// <summary>For storages that keep claims elsewhere.</summary>
    /// <exception cref="CloudException">Somebody has taken over since the claim was written.</exception>
    public static void RequireSame(string? found, string claim, string volume)
    {
        if (found != claim)
            throw new CloudException(CloudFailure.InUse, "open for writing", volume, "somebody else has taken the volume over meanwhile");
    }
}
