using System.Security.Cryptography;
using System.Text;

namespace VBackup.Clouds.Volumes;

/// <summary>Who has last taken a volume over (<see cref="WriterOptions.Claim"/>), kept in a file beside it. Blocking.</summary>
public static class VolumeClaim
{
    /// <summary>From here on the claims of others are void. REQUIRES: nobody else takes the volume over at the same time.</summary>
    /// <exception cref="CloudException">Somebody has since it was looked at.</exception>
    public static void TakeOver(string path, WriterOptions options, string volume)
    {
        RequireNobodySince(Read(path), options, volume);
        WholeFile.Write(path, Encoding.UTF8.GetBytes(TextOf(options)));
    }

    /// <summary>What is kept. Also who gives no name is told from the next who gives none.</summary>
    public static string TextOf(WriterOptions options) =>
        options.Claim ?? "-" + RandomNumberGenerator.GetHexString(16, lowercase: true);

    /// <returns>Null when nobody has taken it over.</returns>
    public static string? Read(string path) => File.Exists(path) ? Parse(File.ReadAllText(path)) : null;

    /// <param name="text">What is kept; null where nothing is.</param>
    public static string? Parse(string? text) => string.IsNullOrEmpty(text) ? null : text;

    /// <exception cref="CloudException">Somebody has taken over since the claim was written.</exception>
    public static void Require(string path, string claim, string volume) => RequireSame(Read(path), claim, volume);

    /// <summary>For storages that keep claims elsewhere.</summary>
    /// <exception cref="CloudException">Somebody has taken over since the claim was written.</exception>
    public static void RequireSame(string? found, string claim, string volume)
    {
        if (found != claim) throw Overtaken(volume);
    }

    /// <inheritdoc cref="RequireSame"/>
    /// <exception cref="CloudException">Somebody has taken over since it was looked at.</exception>
    public static void RequireNobodySince(string? found, WriterOptions options, string volume)
    {
        if (options.Seen is { } seen && found != seen.Claim) throw Overtaken(volume);
    }

    static CloudException Overtaken(string volume) =>
        new(CloudFailure.InUse, "open for writing", volume, "somebody else has taken the volume over meanwhile");
}
