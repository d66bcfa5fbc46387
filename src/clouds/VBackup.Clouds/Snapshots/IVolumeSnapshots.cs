using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Snapshots;

/// <summary>
/// Snapshots of one or more volumes at one instant, each known by a name. All of one name are one instant. Thread-safe.
/// Operations can be repeated: taking one that is there, or removing one that is gone, is no error.
/// </summary>
public interface IVolumeSnapshots
{
    /// <summary>Whether taking these volumes stops all who write to them at one instant by itself. Where it does not, whoever takes
    /// an instant freezes or pauses the server first, and says so.</summary>
    Task<bool> HoldsStillAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) => Task.FromResult(true);

    /// <summary>Takes the volumes at one instant, whoever writes to them meanwhile.</summary>
    /// <param name="name">5 to 50 letters, digits, '_' and '-'.</param>
    /// <returns>The instant; when it was there already with just these volumes, as it is.</returns>
    /// <exception cref="CloudException">A volume is missing or cannot be held still, the name belongs to other volumes, or an instant
    /// of these volumes and others is in the way.</exception>
    Task<Instant> TakeAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation);

    /// <summary>Does all that taking an instant needs and that can be done before a guest is held still for it. What is prepared and
    /// never taken is removed as an instant is.</summary>
    /// <inheritdoc cref="TakeAsync" path="/param"/>
    /// <inheritdoc cref="TakeAsync" path="/exception"/>
    Task<IPreparedInstant> PrepareAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        Task.FromResult<IPreparedInstant>(new UnpreparedInstant(this, name, volumes));

    /// <summary>The instants that have any of these volumes, oldest first, incomplete ones too.</summary>
    Task<IReadOnlyList<Instant>> ListAsync(IReadOnlyList<VolumeId> volumes, CancellationToken cancellation);

    /// <summary>Removes all that there is of an instant in these volumes, also what an interrupted taking left.</summary>
    Task RemoveAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation);

    /// <summary>Says that nobody will read an instant any more, and that it stays as a base: what changed since may still be
    /// asked for. Where keeping its bytes costs something, they are given up.</summary>
    Task KeepAsBaseAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>Where instants of these volumes and others are in the way of one of just these, reduces those that are named to bases:
    /// what changed since may still be asked for, and no more. Where a storage cannot tell that either, nothing is kept of them. Of others
    /// of their volumes nothing is kept.</summary>
    /// <exception cref="CloudException">One that is not named is in the way.</exception>
    Task ReduceToBasesAsync(IReadOnlyCollection<string> names, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) =>
        Task.CompletedTask;

    /// <summary>Opens a volume as it was at an instant.</summary>
    Task<IVolumeReader> OpenAsync(string name, VolumeId volume, CancellationToken cancellation);

    /// <summary>To be asked when all was read: whether the instant is there still. Where what is removed may be read as zeros, nothing
    /// that was read of one that is gone is to be believed.</summary>
    /// <exception cref="CloudException">It is gone, or not complete any more.</exception>
    Task RequireStillThereAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>What tells a volume at an instant from another one that gets the same name when this one is gone; null when there is
    /// none, and where nobody can tell.</summary>
    Task<string?> FindIdentityAsync(string name, VolumeId volume, CancellationToken cancellation) => Task.FromResult<string?>(null);

    /// <summary>What changed in a volume between two instants: everything that did, perhaps more, never less, as far as the
    /// storage's own tracking is right. Lost when the first instant is gone, and where a roll back since then leaves that open.</summary>
    /// <exception cref="CloudException">There is no second instant of this volume.</exception>
    Task<ChangeAnswer> FindChangesAsync(VolumeId volume, string fromInstant, string toInstant, CancellationToken cancellation);

    /// <summary>Makes volumes what they were at an instant. REQUIRES: nobody writes to them.</summary>
    /// <param name="note">Kept with each of the volumes that has none yet, from before the first byte of any is changed, and left there: it
    /// is for the caller to take away. A roll back that is refused leaves none. Null for no note.</param>
    /// <exception cref="CloudException">Somebody uses one of them, or the instant is incomplete.</exception>
    Task RollBackAsync(string name, IReadOnlyList<VolumeId> volumes, CancellationToken cancellation, RestoreNote? note = null);
}
