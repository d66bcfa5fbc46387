using VBackup.Clouds.Snapshots;

namespace VBackup.Clouds.Volumes;

/// <summary>How a volume is opened for writing.</summary>
public sealed record WriterOptions
{
    /// <summary>Every byte is known to be zero, because the volume was made just now.</summary>
    public bool IsNew { get; init; }

    /// <summary>
    /// Whoever else may still believe to have the volume open for writing is shut out for good first; who watches it (a running
    /// server) makes the opening fail. For writing in place.
    /// </summary>
    public bool TakesOver { get; init; }

    /// <summary>
    /// A name by which whoever takes over is known from then on, also after having closed the volume: 1 to 64 letters, digits, '_' and
    /// '-'. Without taking over, the opening fails when anybody else has taken over since; then that one may be done, and a server may run.
    /// </summary>
    public string? Claim { get; init; }

    /// <summary>With <see cref="TakesOver"/>: who had last taken the volume over when that was looked at. The opening fails when anybody
    /// has since, so that whoever sleeps after the look takes nothing from him. Null to take over from whomever.</summary>
    public SeenClaim? Seen { get; init; }
}

/// <summary>What <see cref="IVolumeStorage.FindClaimAsync"/> has told.</summary>
public readonly record struct SeenClaim(string? Claim);

/// <summary>How large a volume is.</summary>
/// <param name="AllocatedBytes">What a full would read of it, about; null where the storage cannot tell without looking at all of
/// it.</param>
public readonly record struct VolumeSize(long LengthBytes, long? AllocatedBytes);

/// <summary>What may still be stored where a volume's bytes are.</summary>
/// <param name="Place">For people, such as <c>pool rbd</c>. Volumes of one place share its bytes, whatever they are called.</param>
public readonly record struct StorageRoom(string Place, long FreeBytes);

/// <summary>
/// Where volumes are kept: makes, reads and writes them, and takes snapshots of several at one instant. Thread-safe. Every
/// call has a time limit of its own and fails as <see cref="CloudException"/>.
/// </summary>
public interface IVolumeStorage : IAsyncDisposable
{
    /// <summary>What a user calls it.</summary>
    string Description { get; }

    /// <summary>That the storage answers, lets this client in, and has the places that its configuration names. What refuses a volume
    /// afterwards is about that volume.</summary>
    /// <exception cref="CloudException">It does not.</exception>
    Task RequireReachableAsync(CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>Whether the configuration says where volumes lie, and any other is <see cref="CloudFailure.LeftOut"/>. Where it does not,
    /// others' volumes are known by that the credentials do not allow to look at them.</summary>
    bool NamesPlaces => false;

    /// <summary>The volume's length in bytes now; null when there is no such volume.</summary>
    Task<long?> FindLengthAsync(VolumeId volume, CancellationToken cancellation);

    /// <summary>How large the volume is now; null when there is no such volume. For lists, so it is cheap: what is allocated is told to be
    /// shown and estimated with, and nothing is left out of a backup by it.</summary>
    Task<VolumeSize?> FindSizeAsync(VolumeId volume, CancellationToken cancellation);

    /// <summary>What tells a volume from every other that had its name or gets it, such as after a renaming; null where names are enough,
    /// as nothing is told of changes but by comparing.</summary>
    /// <exception cref="CloudException">There is no such volume.</exception>
    Task<string?> FindIdentityAsync(VolumeId volume, CancellationToken cancellation) => Task.FromResult<string?>(null);

    /// <summary>Makes a volume that reads as zeros.</summary>
    /// <param name="claim">What <see cref="FindClaimAsync"/> tells of it from the moment when it has its name: whoever dies at any step
    /// leaves no volume without a claim. Null for none.</param>
    /// <exception cref="CloudException">There is one already, or no room.</exception>
    Task CreateAsync(VolumeId volume, long lengthBytes, string? claim, CancellationToken cancellation);

    /// <summary>Removes a volume, and what was begun of it. One that does not exist is no error; one that is in use or has snapshots
    /// is.</summary>
    Task RemoveAsync(VolumeId volume, CancellationToken cancellation);

    /// <summary>The same for a volume that has one of these claims still. Of one that somebody else has taken over, also while this is
    /// under way, however long, nothing is touched.</summary>
    /// <returns>Whether it was there and had.</returns>
    Task<bool> RemoveClaimedAsync(VolumeId volume, IReadOnlyList<string> claims, CancellationToken cancellation);

    /// <summary>Removes what a creation that was killed has left of a volume that does not exist. Of one that exists, also since a moment
    /// ago, nothing is touched.</summary>
    /// <param name="owner">Of the creation's claim (<see cref="VolumeClaim.OwnerOf"/>): where nobody can tell whether a creation was killed
    /// or is under way, another owner's is not touched.</param>
    /// <returns>Whether there was anything.</returns>
    Task<bool> RemoveUnfinishedAsync(VolumeId volume, string owner, CancellationToken cancellation);

    /// <summary>Makes a volume longer (the new part reads as zeros) or shorter.</summary>
    Task ResizeAsync(VolumeId volume, long lengthBytes, CancellationToken cancellation);

    /// <summary>The room there is for what is written to a volume, and for what its snapshots come to keep; of a volume that does not
    /// exist, where it would be made.</summary>
    /// <returns>Null when the storage does not tell.</returns>
    Task<StorageRoom?> FindRoomAsync(VolumeId volume, CancellationToken cancellation);

    /// <summary>Whether the credentials allow to write to a volume: found out without changing what it holds, whoever uses it.</summary>
    /// <exception cref="CloudException">They do not (<see cref="CloudFailure.NotAllowed"/>), or there is no such volume.</exception>
    Task RequireWritableAsync(VolumeId volume, CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>The note of a restore in place, or a roll back, that overwrites the volume, or did and never ended: see
    /// <see cref="IVolumeWriter.NoteRestoreAsync"/>.</summary>
    /// <returns>Null when there is none, or no such volume.</returns>
    /// <exception cref="CloudException">There is one that makes no sense.</exception>
    Task<RestoreNote?> FindRestoreNoteAsync(VolumeId volume, CancellationToken cancellation);

    /// <summary>Who has last taken the volume over (<see cref="WriterOptions.Claim"/>). Who does so without a name has one that nobody
    /// knows.</summary>
    /// <returns>Null when nobody has, or there is no such volume.</returns>
    Task<string?> FindClaimAsync(VolumeId volume, CancellationToken cancellation);

    /// <summary>Whether a volume can be opened for reading while a writer has it.</summary>
    bool ReadsBesideWriters => true;

    /// <summary>Opens a volume as it is now, for reading; what is written meanwhile may or may not be seen.</summary>
    Task<IVolumeReader> OpenReaderAsync(VolumeId volume, CancellationToken cancellation);

    /// <summary>Opens a volume for writing.</summary>
    /// <exception cref="CloudException">Somebody uses it, or has taken over from the claim, or since it was seen.</exception>
    Task<IVolumeWriter> OpenWriterAsync(VolumeId volume, WriterOptions options, CancellationToken cancellation);

    /// <summary>The snapshots of this storage's volumes.</summary>
    IVolumeSnapshots Snapshots { get; }
}
