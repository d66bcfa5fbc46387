using VBackup.Cli.Terminal;
using VBackup.Clouds.Volumes;
using VBackup.Vault.Format;

namespace VBackup.Cli.Vault;

/// <summary>Refuses targets that a restore would better not overwrite.</summary>
static class RestoreTarget
{
    /// <exception cref="UsageException">The target is the vault's, the key's, or the very source of a volume.</exception>
    public static void Check(string target, bool inPlace, VaultAccess access, PointDocument point)
    {
        var path = FileIdentity.RealPath(target);
        var identity = FileIdentity.Of(target);
        if (access.Folder is { } folder && IsWithin(path, FileIdentity.RealPath(folder)))
            throw new UsageException($"--target {target} lies in the vault's own folder: restore to another place");
        if (identity is not null && identity == FileIdentity.Of(access.Key.Path))
            throw new UsageException($"--target {target} is the key file: restore to another place");
        if (inPlace) return;
        foreach (var source in PointMetadata.SourcesHere(point))
            if (source.Path == path || identity is not null && identity == FileIdentity.Of(source.Path))
                throw new UsageException(
                    $"--target {target} is what volume {source.Name} was backed up from: add --in-place to overwrite it, or name another "
                        + "target");
    }

    static bool IsWithin(string path, string folder) =>
        path == folder || path.StartsWith(folder.TrimEnd('/') + "/", StringComparison.Ordinal);
}
