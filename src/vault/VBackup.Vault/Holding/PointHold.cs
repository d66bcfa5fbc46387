using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Reading;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Holding;

/// <summary>
/// Has the store hold all that a point needs to be read with a key alone: the packs in which its chunks and nodes lie, the vault's header
/// and its key slots. The index is not held: it is a map, and the packs' footers say the same. REQUIRES: a session protects the point,
/// or the run that makes it, so that what is found is there until it is held.
/// </summary>
internal sealed class PointHold
{
    /// <summary>Packs that a point needs are held longer than it has to be, so that not every run of a day asks for each.</summary>
    internal static readonly TimeSpan StepMin = TimeSpan.FromDays(1), StepMax = TimeSpan.FromDays(7);

    /// <summary>A step is this part of the time that points are held.</summary>
    private const int StepShare = 4;

    /// <summary>For what a run does between the first pack that it holds and its point.</summary>
    internal static readonly TimeSpan Margin = TimeSpan.FromHours(1);

    /// <summary>Collectors may move what is looked for; so often it is looked for anew.</summary>
    private const int RoundsMax = 8;

    private readonly BackupVault _vault;
    private readonly BlobReader _reader;
    private readonly DateTimeOffset _until;
    private readonly CancellationToken _cancellation;
    private readonly HashSet<ObjectId> _packs = [], _held = [], _gone = [];
    private readonly HashSet<ContentId> _visited = [];
    private readonly Lock _lock = new();

    private PointHold(BackupVault vault, BlobReader reader, DateTimeOffset until, CancellationToken cancellation)
    {
        _vault = vault;
        _reader = reader;
        _until = until;
        _cancellation = cancellation;
    }

    /// <summary>Before a run puts its point.</summary>
    /// <param name="basePoint">The point that the run builds on; what it was held for counts for what the two share.</param>
    /// <returns>Until when all of it is held.</returns>
    public static async Task<DateTimeOffset> HoldAsync(BackupVault vault, BlobReader reader, IReadOnlyList<VolumeDocument> volumes,
        PointDocument? basePoint, TimeSpan holdsFor, CancellationToken cancellation)
    {
        await EnsureCanAsync(vault, cancellation).ConfigureAwait(false);
        var needed = vault.Clock.GetUtcNow() + holdsFor + Margin;
        // The base's object says so, which nobody forges without the key; what the store says of it anybody may have made longer.
        var shared = basePoint?.HeldUntil >= needed ? basePoint : null;
        var until = shared?.HeldUntil ?? needed + Step(holdsFor);
        await new PointHold(vault, reader, until, cancellation).RunAsync(volumes, shared?.Volumes ?? []).ConfigureAwait(false);
        return until;
    }

    /// <summary>Right after the point was put: until then nobody can delete it.</summary>
    public static Task HoldObjectAsync(BackupVault vault, PointId point, TimeSpan holdsFor, CancellationToken cancellation) =>
        vault.Store.HoldAsync(ObjectNames.Point(point), vault.Clock.GetUtcNow() + holdsFor, cancellation);

    /// <summary>Holds the points that are younger than the runtime says and not held yet: those made before it said so.</summary>
    /// <returns>Points that were held.</returns>
    public static async Task<int> HoldYoungAsync(BackupVault vault, CancellationToken cancellation)
    {
        if (vault.Runtime.HoldsFor is not { } holdsFor) return 0;
        await EnsureCanAsync(vault, cancellation).ConfigureAwait(false);
        // What cannot be read cannot be held; a collection stops at it, and a verification names it.
        List<DamageException> unreadable = [];
        var points = await PointList.ReadValidAsync(vault, unreadable, cancellation).ConfigureAwait(false);
        var held = 0;
        foreach (var point in points)
        {
            var until = point.CreatedAt + holdsFor;
            if (until <= vault.Clock.GetUtcNow()) continue;
            if (!(point.HeldUntil >= until) && await HoldYoungAsync(vault, point, until, cancellation).ConfigureAwait(false)) held++;
            else await HoldPresentAsync(vault.Store, ObjectNames.Point(PointList.IdOf(point)), until, cancellation).ConfigureAwait(false);
        }
        return held;
    }

    private static async Task<bool> HoldYoungAsync(
        BackupVault vault, PointDocument point, DateTimeOffset until, CancellationToken cancellation)
    {
        PointReading reading;
        try
        {
            reading = await PointReading.BeginAsync(vault, "hold", point, cancellation).ConfigureAwait(false);
        }
        catch (UnusableVaultException)
        {
            return false; // It was deleted meanwhile.
        }
        await using (reading.ConfigureAwait(false))
        {
            await new PointHold(vault, reading.Reader, until + Margin, cancellation).RunAsync(point.Volumes, []).ConfigureAwait(false);
            return await HoldPresentAsync(vault.Store, ObjectNames.Point(PointList.IdOf(point)), until, cancellation)
                .ConfigureAwait(false);
        }
    }

    /// <summary>Holds what a recovery needs beside points, as long as a point of now. It is held a step longer, so that not every run
    /// has to.</summary>
    public static async Task HoldBesideAsync(BackupVault vault, string name, CancellationToken cancellation)
    {
        if (vault.Runtime.HoldsFor is not { } holdsFor) return;
        await EnsureCanAsync(vault, cancellation).ConfigureAwait(false);
        var needed = vault.Clock.GetUtcNow() + holdsFor + Margin;
        if (await vault.Store.FindHoldAsync(name, cancellation).ConfigureAwait(false) >= needed) return;
        await vault.Store.HoldAsync(name, needed + Step(holdsFor), cancellation).ConfigureAwait(false);
    }

    private static async Task EnsureCanAsync(BackupVault vault, CancellationToken cancellation)
    {
        if (!await vault.Store.CanHoldAsync(cancellation).ConfigureAwait(false))
            throw new UnusableVaultException($"points are to be held at {vault.Store.Description}, and it cannot hold them: a bucket made "
                + "with object lock can, to whoever may ask for its object lock configuration");
    }

    private static TimeSpan Step(TimeSpan holdsFor) =>
        TimeSpan.FromTicks(Math.Clamp(holdsFor.Ticks / StepShare, StepMin.Ticks, StepMax.Ticks));

    private async Task RunAsync(IReadOnlyList<VolumeDocument> volumes, IReadOnlyList<VolumeDocument> shared)
    {
        await HoldKeysAsync().ConfigureAwait(false);
        for (var round = 0; round < RoundsMax; round++)
        {
            _visited.Clear();
            foreach (var volume in volumes)
                await WalkAsync(volume, shared.FirstOrDefault(one => one.Name == volume.Name && one.Levels == volume.Levels))
                    .ConfigureAwait(false);
            // What was in a pack that is gone is looked for in the next round.
            if (await HoldPacksAsync().ConfigureAwait(false)) return;
        }
        throw new DamageException(ObjectNames.Packs, "what a point needs is moved faster than it can be held");
    }

    private async Task HoldKeysAsync()
    {
        await HoldPresentAsync(_vault.Store, ObjectNames.Header, _until, _cancellation).ConfigureAwait(false);
        foreach (var slot in await VaultKeySlots.ListLastingAsync(_vault, _cancellation).ConfigureAwait(false))
            await HoldPresentAsync(_vault.Store, slot, _until, _cancellation).ConfigureAwait(false);
    }

    /// <returns>Whether all packs were there.</returns>
    private async Task<bool> HoldPacksAsync()
    {
        var areAllThere = true;
        await Bounded.ForEachAsync(_packs.Where(pack => !_held.Contains(pack)).ToList(), _vault.Runtime.ReadsInFlight, async pack =>
        {
            var isThere = await HoldPresentAsync(_vault.Store, ObjectNames.Pack(pack), _until, _cancellation).ConfigureAwait(false);
            lock (_lock)
            {
                areAllThere &= isThere;
                (isThere ? _held : _gone).Add(pack);
            }
        }).ConfigureAwait(false);
        _packs.Clear();
        return areAllThere;
    }

    /// <returns>False when there is no such object.</returns>
    private static async Task<bool> HoldPresentAsync(
        IObjectStore store, string name, DateTimeOffset until, CancellationToken cancellation)
    {
        try
        {
            await store.HoldAsync(name, until, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
        {
            return false;
        }
    }

    private async Task WalkAsync(VolumeDocument volume, VolumeDocument? shared)
    {
        if (volume.Root is null) return;
        if (volume.Levels is < 1 or > FormatLimits.TreeLevelsMax)
            throw new DamageException(ObjectNames.Points, $"says that a tree has {volume.Levels} levels");
        await WalkAsync(volume.Root.ToPlace(ObjectNames.Points), shared?.Root?.ToPlace(ObjectNames.Points), volume.Levels - 1)
            .ConfigureAwait(false);
    }

    /// <param name="shared">What lies there in the base; what it has too is held already.</param>
    private async Task WalkAsync(BlobPlace place, BlobPlace? shared, int level)
    {
        if (shared?.Id == place.Id) return;
        lock (_lock)
            if (!_visited.Add(place.Id)) return;
        ManifestNode node = new(), sharedNode = new();
        await _reader.ReadNodeAsync(place, level, node, _cancellation).ConfigureAwait(false);
        if (shared is { } old) await _reader.ReadNodeAsync(old, level, sharedNode, _cancellation).ConfigureAwait(false);
        BlobPlace? SharedAt(int child) => shared is not null && sharedNode.Has(child) ? sharedNode[child] : null;
        await NeedAsync(place).ConfigureAwait(false);
        var children = Enumerable.Range(0, FormatLimits.NodeChildren).Where(node.Has);
        if (level == 0)
        {
            foreach (var child in children)
                if (SharedAt(child)?.Id != node[child].Id) await NeedAsync(node[child]).ConfigureAwait(false);
            return;
        }
        // Leaves are many and side by side: several at once. Above them there are few.
        await Bounded.ForEachAsync(children, level == 1 ? _vault.Runtime.ReadsInFlight : 1,
            child => WalkAsync(node[child], SharedAt(child), level - 1)).ConfigureAwait(false);
    }

    private async ValueTask NeedAsync(BlobPlace place)
    {
        lock (_lock)
        {
            if (!_gone.Contains(place.Location.Pack))
            {
                if (!_held.Contains(place.Location.Pack)) _packs.Add(place.Location.Pack);
                return;
            }
        }
        var found = await _reader.FindMovedToAsync(place, _cancellation).ConfigureAwait(false);
        lock (_lock)
        {
            var isHeld = found.Exists(location => _held.Contains(location.Pack) || _packs.Contains(location.Pack));
            if (isHeld) return;
            found.RemoveAll(location => _gone.Contains(location.Pack));
            if (found.Count > 0) _packs.Add(found[0].Pack);
        }
        if (found.Count == 0)
            throw new DamageException(ObjectNames.Pack(place.Location.Pack), $"{place.Id} is nowhere to be found, and cannot be held");
    }
}
