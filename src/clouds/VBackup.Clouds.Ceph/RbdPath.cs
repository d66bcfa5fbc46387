using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Ceph;

/// <summary>A volume's place, taken apart.</summary>
/// <param name="Namespace">Within the pool; empty for the pool's own.</param>
internal readonly record struct RbdPath(string Pool, string Namespace, string Image)
{
    /// <exception cref="CloudException">It is neither <c>pool/image</c> nor <c>pool/namespace/image</c>.</exception>
    public static RbdPath Parse(VolumeId volume)
    {
        var parts = (volume.Value ?? "").Split('/');
        if (parts.Length is not (2 or 3) || parts.Any(part => part.Length == 0 || part.Contains('@') || part.Contains('\0')))
            throw new CloudException(CloudFailure.NotSupported, "open", $"'{volume.Value}'",
                "a volume on Ceph is called pool/image or pool/namespace/image");
        return parts.Length == 2 ? new(parts[0], "", parts[1]) : new(parts[0], parts[1], parts[2]);
    }

    public VolumeId Volume => new(ToString());

    public override string ToString() => Namespace.Length == 0 ? $"{Pool}/{Image}" : $"{Pool}/{Namespace}/{Image}";
}
