namespace VBackup.Contracts.Limits;

/// <summary>What volumes share: limits and caps count by it.</summary>
public static class VolumePool
{
    /// <param name="volume">What its storage calls it.</param>
    /// <returns>The pool of an image, or the folder of a file; nothing where a storage is one pool.</returns>
    public static string Of(string volume)
    {
        var end = volume.StartsWith('/') ? volume.LastIndexOf('/') : volume.IndexOf('/', StringComparison.Ordinal);
        return end < 0 ? "" : volume[..end];
    }
}
