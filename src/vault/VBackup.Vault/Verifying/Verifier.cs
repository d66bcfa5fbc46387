using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Verifying;

/// <summary>
/// Checks a vault: that every valid point can be restored, and that every stored object is what was stored. It reads under a
/// session, so collections may go on meanwhile.
/// </summary>
public sealed class Verifier
{
    private readonly BackupVault _vault;
    private readonly List<(string ObjectName, DamageKind Kind, string Reason)> _found = [];
    private readonly Dictionary<ContentId, List<AffectedExtent>> _affected = [];

    private Verifier(BackupVault vault) => _vault = vault;

    /// <summary>The points that were looked at.</summary>
    internal List<PointDocument> Points { get; } = [];

    internal TreeCheck? Trees { get; private set; }
    internal PackCheck? Packs { get; private set; }

    /// <summary>Ranges that need each bad blob.</summary>
    internal IReadOnlyDictionary<ContentId, List<AffectedExtent>> Affected => _affected;

    /// <param name="allData">Read every pack from end to end, once, however many points share it.</param>
    /// <param name="progress">Packs read and packs in all.</param>
    public static async Task<VerifyResult> RunAsync(
        BackupVault vault, bool allData, IProgress<(int Done, int Total)>? progress, CancellationToken cancellation)
    {
        var verifier = new Verifier(vault);
        var survey = await VaultSurvey.ReadAsync(vault, IndexUse.Scan, tolerant: true, cancellation).ConfigureAwait(false);
        await using (survey.ConfigureAwait(false))
            return await verifier.CheckAsync(survey, allData, progress, cancellation).ConfigureAwait(false);
    }

    /// <summary>For a repair, which goes on from what was found.</summary>
    internal static async Task<(Verifier Verifier, VerifyResult Result)> RunForRepairAsync(
        BackupVault vault, VaultSurvey survey, IProgress<(int Done, int Total)>? progress, CancellationToken cancellation)
    {
        var verifier = new Verifier(vault);
        return (verifier, await verifier.CheckAsync(survey, allData: true, progress, cancellation).ConfigureAwait(false));
    }

    private async Task<VerifyResult> CheckAsync(
        VaultSurvey survey, bool allData, IProgress<(int Done, int Total)>? progress, CancellationToken cancellation)
    {
        await CheckSmallObjectsAsync(cancellation).ConfigureAwait(false);
        var session = await Session.BeginAsync(
            _vault, "verify", [.. Points.Select(Session.BaseOf)], cancellation).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            foreach (var unreadable in survey.Index.Unreadable) Note(unreadable, DamageKind.Index);
            Packs = new PackCheck(_vault, survey);
            List<int> present = [.. Enumerable.Range(0, survey.Packs.Count).Where(pack => survey.Packs.At(pack).IsPresent)];
            if (allData)
            {
                var done = 0;
                var atOnce = _vault.Runtime.PackChecksInFlight;
                await Bounded.ForEachAsync(present, atOnce,
                    pack => atOnce == 1 ? CheckAsync(pack) : Task.Run(() => CheckAsync(pack), cancellation)).ConfigureAwait(false);

                async Task CheckAsync(int pack)
                {
                    await Packs.CheckAsync(pack, cancellation).ConfigureAwait(false);
                    progress?.Report((Interlocked.Increment(ref done), present.Count));
                }
            }
            var reader = new BlobReader(_vault, session);
            await using (reader.ConfigureAwait(false))
            {
                Trees = new TreeCheck(survey, reader, Packs);
                await CheckTreesAsync(session, cancellation).ConfigureAwait(false);
            }
            NotePacks(survey);
        }
        return new(allData, Points.Count, survey.Packs.PresentCount, Packs.CheckedBytes, Summarise());
    }

    /// <summary>Everything that is one sealed piece: points, sessions and their notes, collectors, condemnations, key slots.</summary>
    private async Task CheckSmallObjectsAsync(CancellationToken cancellation)
    {
        SessionList? sessions = null;
        try
        {
            sessions = await SessionList.ReadAsync(_vault, cancellation).ConfigureAwait(false);
        }
        catch (DamageException damage)
        {
            Note(damage, DamageKind.Session);
        }
        foreach (var id in await PointList.ListAsync(_vault, cancellation).ConfigureAwait(false))
        {
            try
            {
                if (await _vault.FindPointAsync(id, cancellation).ConfigureAwait(false) is { } point
                    && sessions?.Counts(PointList.SessionOf(point), id) != false) Points.Add(point);
            }
            catch (DamageException damage)
            {
                Note(damage, DamageKind.Point);
            }
        }
        foreach (var prefix in (string[])[ObjectNames.Sessions, ObjectNames.Collectors, ObjectNames.Condemnations, ObjectNames.Keys])
        {
            await foreach (var entry in _vault.Store.ListAsync(prefix, cancellation).ConfigureAwait(false))
                await CheckSmallObjectAsync(entry.Name, cancellation).ConfigureAwait(false);
        }
    }

    private async Task CheckSmallObjectAsync(string name, CancellationToken cancellation)
    {
        try
        {
            var bytes = await _vault.Store.GetAsync(name, FormatLimits.SmallObjectSizeMax, cancellation).ConfigureAwait(false);
            if (name.StartsWith(ObjectNames.Keys, StringComparison.Ordinal)) CheckKeySlot(name, bytes);
            else if (KindOf(name) is { } kind) SealedDocument.Open(_vault.Keys, kind, name, bytes);
        }
        catch (DamageException damage)
        {
            Note(damage, name.StartsWith(ObjectNames.Keys, StringComparison.Ordinal) ? DamageKind.KeySlot : DamageKind.Session);
        }
        catch (UnusableVaultException unknown)
        {
            _found.Add((name, DamageKind.KeySlot, unknown.Message));
        }
        catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
        {
            // Removed by its owner or a collector since it was listed.
        }
    }

    // A slot cannot be opened without its own key, and its owner must not find out when it is needed.
    private void CheckKeySlot(string name, byte[] bytes)
    {
        KeySlot.Decode(name, bytes);
        if (!KeySlot.IsSealed(_vault.Keys, name, bytes)) throw new DamageException(name, "its seal is wrong: it was altered; make the key anew");
    }

    private static ObjectKind? KindOf(string name)
    {
        if (ObjectNames.TryParseSession(name, out _, out var suffix))
            return suffix switch
            {
                "" => ObjectKind.Session,
                ObjectNames.DecisionSuffix => ObjectKind.Decision,
                _ => ObjectKind.SessionNote,
            };
        if (ObjectNames.TryParseCollector(name, out _)) return ObjectKind.Collector;
        return ObjectNames.TryParseCondemnation(name, out _) ? ObjectKind.Condemned : null;
    }

    private async Task CheckTreesAsync(Session session, CancellationToken cancellation)
    {
        foreach (var point in Points.ToList())
        {
            foreach (var (volume, root) in RootsOf(point))
                await Trees!.CheckAsync(volume, root, cancellation).ConfigureAwait(false);
        }
        if (Trees!.Bad.Count == 0) return;
        foreach (var point in Points.ToList())
        {
            // A point that was deleted while it was looked at has lost nothing.
            if (!await IsStillThereAsync(session, point, cancellation).ConfigureAwait(false))
            {
                Points.Remove(point);
                continue;
            }
            foreach (var (volume, root) in RootsOf(point))
                foreach (var (blob, range) in await Trees.AffectedAsync(volume, root, _vault.ChunkSize, cancellation).ConfigureAwait(false))
                {
                    if (!_affected.TryGetValue(blob, out var list)) _affected.Add(blob, list = []);
                    list.Add(new(point.Id, point.Name, volume.Name, range));
                }
        }
    }

    private static async Task<bool> IsStillThereAsync(Session session, PointDocument point, CancellationToken cancellation)
    {
        try
        {
            return await session.IsValidNowAsync(point, cancellation).ConfigureAwait(false);
        }
        catch (DamageException)
        {
            // The decision is unreadable, which is noted already; nobody can say that the point does not count.
            return true;
        }
    }

    private List<(VolumeDocument Volume, BlobPlace Root)> RootsOf(PointDocument point)
    {
        List<(VolumeDocument, BlobPlace)> roots = [];
        foreach (var volume in point.Volumes)
        {
            if (volume.Root is null) continue;
            var name = ObjectNames.Points + point.Id;
            try
            {
                if (volume.LengthBytes < 0 || new TreeShape(volume.LengthBytes, _vault.ChunkSize).Levels != volume.Levels)
                    throw new DamageException(name, $"volume {volume.Name}'s numbers do not fit each other");
                roots.Add((volume, volume.Root.ToPlace(name)));
            }
            catch (DamageException damage)
            {
                Note(damage, DamageKind.Point);
            }
        }
        return roots;
    }

    private void NotePacks(VaultSurvey survey)
    {
        foreach (var (pack, reason) in Packs!.BadPacks) _found.Add((ObjectNames.Pack(survey.Packs[pack]), DamageKind.Pack, reason));
        if (Trees!.Unindexed.Count > 0)
            _found.Add((ObjectNames.Indexes, DamageKind.Index,
                $"no readable index object names {Trees.Unindexed.Count} chunks or nodes that points need: run repair"));
    }

    private List<VaultDamage> Summarise()
    {
        Dictionary<string, (DamageKind Kind, string Reason, List<AffectedExtent> Affected)> byObject = [];
        foreach (var (name, kind, reason) in _found) byObject.TryAdd(name, (kind, reason, []));
        foreach (var (blob, (name, reason)) in Trees!.Bad)
        {
            if (!_affected.TryGetValue(blob, out var affected)) continue;
            byObject.TryAdd(name, (DamageKind.Pack, reason, []));
            byObject[name].Affected.AddRange(affected);
        }
        return [.. byObject.OrderBy(item => item.Key, StringComparer.Ordinal)
            .Select(item => new VaultDamage(item.Key, item.Value.Kind, item.Value.Reason, Merge(item.Value.Affected)))];
    }

    private static List<AffectedExtent> Merge(List<AffectedExtent> affected)
    {
        List<AffectedExtent> merged = [];
        foreach (var item in affected.Distinct().OrderBy(item => item.Point, StringComparer.Ordinal)
            .ThenBy(item => item.Volume, StringComparer.Ordinal).ThenBy(item => item.Range.Offset))
        {
            if (merged.Count > 0 && merged[^1] is var last && last.Point == item.Point && last.Volume == item.Volume
                && last.Range.End == item.Range.Offset)
                merged[^1] = last with { Range = new(last.Range.Offset, last.Range.Length + item.Range.Length) };
            else merged.Add(item);
        }
        return merged;
    }

    private void Note(DamageException damage, DamageKind kind) => _found.Add((damage.ObjectName, kind, damage.Reason));
}
