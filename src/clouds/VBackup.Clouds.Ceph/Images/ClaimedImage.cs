using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Ceph.Images;

/// <summary>
/// An image that has a claim from the moment when it has its name. An image can be given metadata only when it is there: so it is made
/// under another name, claimed, and renamed. Whoever is killed meanwhile leaves nothing under the volume's name. Blocking.
/// </summary>
internal static class ClaimedImage
{
    /// <exception cref="CloudException">There is one already.</exception>
    public static void Create(CephConnection connection, RbdPath path, long lengthBytes, string claim)
    {
        var unfinished = Unfinished(path, VolumeClaim.OwnerOf(claim) ?? claim);
        // What an earlier attempt of the same owner has left, or is just making: that one fails then.
        RbdImage.Remove(connection, unfinished);
        RbdImage.Create(connection, unfinished, lengthBytes);
        try
        {
            using (var image = RbdImage.Open(connection, unfinished, isReadOnly: false)) image.Claim(claim);
            BoundedCalls.ThrowIfLeftAlone();
            RbdImage.Rename(connection, unfinished, path);
        }
        catch
        {
            RbdImage.Remove(connection, unfinished);
            throw;
        }
    }

    /// <summary>What a killed creation has left of a volume that does not exist.</summary>
    /// <returns>Whether there was anything.</returns>
    public static bool RemoveUnfinished(CephConnection connection, RbdPath path, string owner)
    {
        var unfinished = Unfinished(path, owner);
        // Killed in the middle of the renaming, an image has both names.
        if (RbdImage.Exists(connection, path) || !RbdImage.Exists(connection, unfinished)) return false;
        RbdImage.Remove(connection, unfinished);
        return true;
    }

    // No two owners have one name, so whatever is there is the owner's.
    private static RbdPath Unfinished(RbdPath path, string owner) => path with { Image = $"{path.Image}.vbackup-new.{owner}" };
}
