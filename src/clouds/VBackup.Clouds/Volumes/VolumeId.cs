namespace VBackup.Clouds.Volumes;

/// <summary>Which volume of a storage: <c>pool/image</c> or <c>pool/namespace/image</c> on Ceph, a path for files.</summary>
public readonly record struct VolumeId(string Value)
{
    public override string ToString() => Value;
}
