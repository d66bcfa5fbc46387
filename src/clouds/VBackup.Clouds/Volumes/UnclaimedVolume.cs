namespace VBackup.Clouds.Volumes;

/// <summary>A volume that is nobody's in particular.</summary>
public static class UnclaimedVolume
{
    /// <inheritdoc cref="IVolumeStorage.CreateAsync"/>
    public static Task CreateAsync(this IVolumeStorage storage, VolumeId volume, long lengthBytes, CancellationToken cancellation) =>
        storage.CreateAsync(volume, lengthBytes, claim: null, cancellation);
}
