using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace VBackup.Clouds.Volumes;

/// <summary>Who has made a volume, or last taken it over (<see cref="WriterOptions.Claim"/>), kept in a file beside it. Blocking.</summary>
/// <remarks>The file has the claim; behind a line feed, where the volume was made with it, which file the claim is about. That one is
/// written before the volume has its name, and must not become the claim of what somebody else gives that name.</remarks>
public static class VolumeClaim
{
    /// <summary>Leaves word of who makes a volume. REQUIRES: there is no such volume, and nobody else makes one at the same time.</summary>
    /// <param name="path">Of the claim.</param>
    /// <param name="unfinished">The file that gets the volume's name.</param>
    /// <param name="claim">Null to make one that nobody has claimed.</param>
    public static void Make(string path, string unfinished, string? claim)
    {
        if (claim is not null) WholeFile.Write(path, Encoding.UTF8.GetBytes($"{claim}\n{InodeOf(unfinished)}"));
        // Of one that was removed, by somebody who was killed at it or knows nothing of claims.
        else File.Delete(path);
    }

    /// <summary>From here on the claims of others are void. REQUIRES: nobody else takes the volume over at the same time.</summary>
    /// <exception cref="CloudException">Somebody has since it was looked at.</exception>
    /// <param name="path">Of the claim.</param>
    /// <param name="file">The volume's.</param>
    public static void TakeOver(string path, string file, WriterOptions options, string volume)
    {
        RequireNobodySince(Read(path, file), options, volume);
        WholeFile.Write(path, Encoding.UTF8.GetBytes(TextOf(options)));
    }

    /// <summary>What is kept. Also who gives no name is told from the next who gives none.</summary>
    public static string TextOf(WriterOptions options) =>
        options.Claim ?? "-" + RandomNumberGenerator.GetHexString(16, lowercase: true);

    /// <returns>Null when nobody has made it with a claim, or taken it over.</returns>
    public static string? Read(string path, string file)
    {
        if (!File.Exists(path) || Parse(File.ReadAllText(path)) is not { } kept) return null;
        var end = kept.IndexOf('\n', StringComparison.Ordinal);
        if (end < 0) return kept;
        return kept[(end + 1)..] == InodeOf(file) ? kept[..end] : null;
    }

    static string InodeOf(string file) => (FileIdentity.Of(file)?.Inode ?? 0).ToString(CultureInfo.InvariantCulture);

    /// <summary>What all claims of one owner, such as a run, begin with, up to the first '-'; null where there is no such part.</summary>
    public static string? OwnerOf(string claim) => claim.IndexOf('-', StringComparison.Ordinal) is > 0 and var end ? claim[..end] : null;

    /// <param name="text">What is kept; null where nothing is.</param>
    public static string? Parse(string? text) => string.IsNullOrEmpty(text) ? null : text;

    /// <exception cref="CloudException">Somebody has taken over since the claim was written.</exception>
    public static void Require(string path, string file, string claim, string volume) => RequireSame(Read(path, file), claim, volume);

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
