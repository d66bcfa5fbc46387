using VBackup.Cli.Terminal;
using VBackup.Clouds.Volumes;

namespace VBackup.Cli.Vault;

/// <summary>A volume's name and the path that goes with it.</summary>
readonly record struct NamedPath(string Name, string Path);

/// <summary>Reads what stands as <c>NAME=PATH</c> on the command line.</summary>
static class VolumeArguments
{
    const int NameLengthMax = 200;

    /// <exception cref="UsageException">One has another form, or a name is given twice.</exception>
    public static List<NamedPath> Read(string option, string[]? texts)
    {
        List<NamedPath> named = [];
        foreach (var text in texts ?? [])
        {
            var at = text.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0 || at == text.Length - 1) throw new UsageException($"{option} {text} has another form than NAME=PATH");
            var name = text[..at];
            if (name.Length > NameLengthMax || name.Any(char.IsControl))
                throw new UsageException($"{option} {text}: a name has at most {NameLengthMax} characters, all of them printable");
            if (named.Exists(other => other.Name == name)) throw new UsageException($"{option} names {name} twice");
            named.Add(new(name, text[(at + 1)..]));
        }
        return named;
    }

    /// <exception cref="UsageException">Two names stand for the same file or device, however it is called.</exception>
    public static void RefuseSharedPaths(string option, IReadOnlyList<NamedPath> named)
    {
        Dictionary<FileIdentity, NamedPath> seen = [];
        foreach (var volume in named)
            if (FileIdentity.Of(volume.Path) is { } identity && !seen.TryAdd(identity, volume))
                throw new UsageException(
                    $"{option} gives {seen[identity].Name} and {volume.Name} the same source {volume.Path}: give each its own");
    }
}
