using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Indexing;
using VBackup.Vault.Reading;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Verifying;

/// <summary>
/// Checks a vault: that every valid point can be restored, and that every stored object is what was stored. Others may work
/// meanwhile: it is a reader of <c>docs/session-protocol.md</c>. First comes a session that names all points, then the look at
/// what there is; and whatever is not there is looked for again, in a fresh survey, before it is called damage.
/// </summary>
public sealed class Verifier : IAsyncDisposable
{
    /// <summary>Surveys after the first, until the index holds still.</summary>
    private const int SurveysMax = 5;

    private readonly BackupVault _vault;
    private readonly List<(string ObjectName, DamageKind Kind, string Reason)> _found = [];
    private readonly Dictionary<ContentId, List<AffectedExtent>> _affected = [];

    private Verifier(BackupVault vault)
    {
        _vault = vault;
        Packs = new(vault);
    }

    /// <summary>The points that were looked at.</summary>
    internal List<PointDocument> Points { get; private set; } = [];

    /// <summary>The last survey.</summary>
    internal VaultSurvey? Survey { get; private set; }

    internal TreeCheck? Trees { get; private set; }
    internal PackCheck Packs { get; }

    /// <summary>Ranges that need each bad blob.</summary>
    internal IReadOnlyDictionary<ContentId, List<AffectedExtent>> Affected => _affected;

    /// <param name="allData">Read every pack from end to end, once, however many points share it.</param>
    /// <param name="progress">Packs read and packs in all.</param>
    /// <exception cref="SessionRevokedException">It stood still, was taken for dead, and cannot tell what is damage.</exception>
    public static async Task<VerifyResult> RunAsync(
        BackupVault vault, bool allData, IProgress<(int Done, int Total)>? progress, CancellationToken cancellation)
    {
        var verifier = new Verifier(vault);
        await using (verifier.ConfigureAwait(false))
            return await verifier.CheckAsync(Session.BeginReadingAsync, allData, progress, cancellation).ConfigureAwait(false);
    }

    /// <summary>For a repair, which goes on from what was found, and disposes of it.</summary>
    internal static async Task<Verifier> RunForRepairAsync(
        BackupVault vault, IProgress<(int Done, int Total)>? progress, CancellationToken cancellation)
    {
        var verifier = new Verifier(vault);
        try
        {
            await verifier.CheckAsync(Session.BeginAsync, allData: true, progress, cancellation).ConfigureAwait(false);
            return verifier;
        }
        catch
        {
            await verifier.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<VerifyResult> CheckAsync(
        Func<BackupVault, string, IReadOnlyList<BaseDocument>, CancellationToken, Task<Session>> begin, bool allData,
        IProgress<(int Done, int Total)>? progress, CancellationToken cancellation)
    {
        List<DamageException> unreadable = [];
        var points = await PointList.ReadValidAsync(_vault, unreadable, cancellation).ConfigureAwait(false);
        var session = await begin(
            _vault, "verify", [.. points.Select(Session.BaseOf)], cancellation).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            // Only now: of a point that was valid after the session was put, nothing goes as long as the session lasts.
            Points = await StillValidAsync(session, points, cancellation).ConfigureAwait(false);
            foreach (var damage in unreadable) NoteSmallObject(damage);
            await CheckSmallObjectsAsync(cancellation).ConfigureAwait(false);
            await SurveyAsync(cancellation).ConfigureAwait(false);
            var packCount = Survey!.Packs.PresentCount;
            if (allData)
            {
                List<ObjectId> present = [.. Enumerable.Range(0, Survey.Packs.Count)
                    .Where(pack => Survey.Packs.At(pack).IsPresent).Select(pack => Survey.Packs[pack])];
                await Packs.CheckAllAsync(present, progress, cancellation).ConfigureAwait(false);
            }
            var reader = new BlobReader(_vault, session);
            await using (reader.ConfigureAwait(false))
            {
                Trees = new TreeCheck(_vault, reader, Packs, allData);
                foreach (var point in Points)
                    foreach (var (volume, root) in RootsOf(point))
                        await Trees.WalkAsync(Survey, volume, root, cancellation).ConfigureAwait(false);
                var isIndexStill = await LookAgainAsync(cancellation).ConfigureAwait(false);
                await NoteIndexAndPacksAsync(isIndexStill, cancellation).ConfigureAwait(false);
                if (_found.Count + Trees.Bad.Count > 0) await session.EnsureNotRevokedAsync(cancellation).ConfigureAwait(false);
                if (Trees.Bad.Count > 0) await FindAffectedAsync(session, cancellation).ConfigureAwait(false);
            }
            return new(allData, Points.Count, packCount, Packs.CheckedBytes, Summarise()) { Refusal = session.Refusal };
        }
    }

    private async Task SurveyAsync(CancellationToken cancellation)
    {
        if (Survey is not null) await Survey.DisposeAsync().ConfigureAwait(false);
        Survey = null;
        Survey = await VaultSurvey.ReadAsync(_vault, IndexUse.Scan, tolerant: true, cancellation).ConfigureAwait(false);
    }

    /// <summary>Takes a fresh survey of what the first did not show.</summary>
    /// <returns>Whether the index did not change while it was read last.</returns>
    private async Task<bool> LookAgainAsync(CancellationToken cancellation)
    {
        if (!Trees!.HasSuspects && Survey!.Index.Unreadable.Count == 0) return true;
        for (var survey = 1; ; survey++)
        {
            await SurveyAsync(cancellation).ConfigureAwait(false);
            await Trees.DecideAsync(Survey!, cancellation).ConfigureAwait(false);
            // What is in no pack is lost, that is certain. That no index object names a pack is not, as long as collectors
            // merge them: the listing may have missed both the old object and the new one.
            if (Trees.Unindexed.Count == 0 || await IsIndexStillAsync(cancellation).ConfigureAwait(false)) return true;
            if (survey == SurveysMax) return false;
        }
    }

    private async Task<bool> IsIndexStillAsync(CancellationToken cancellation)
    {
        HashSet<string> read = [.. Survey!.Index.Objects.Select(item => item.Name),
            .. Survey.Index.Unreadable.Select(damage => damage.ObjectName)];
        HashSet<string> listed = [];
        await foreach (var entry in _vault.Store.ListAsync(ObjectNames.Indexes, cancellation).ConfigureAwait(false))
            if (ObjectNames.TryParseIndex(entry.Name, out _)) listed.Add(entry.Name);
        return listed.SetEquals(read);
    }

    private async Task<List<PointDocument>> StillValidAsync(
        Session session, List<PointDocument> points, CancellationToken cancellation)
    {
        var isValid = new bool[points.Count];
        await Bounded.ForEachAsync(Enumerable.Range(0, points.Count), _vault.Runtime.ReadsInFlight, async i =>
        {
            try
            {
                isValid[i] = await session.IsValidNowAsync(points[i], cancellation).ConfigureAwait(false);
            }
            catch (DamageException)
            {
                // The decision is unreadable, which is noted already; nobody can say that the point does not count.
                isValid[i] = true;
            }
        }).ConfigureAwait(false);
        return [.. points.Where((_, i) => isValid[i])];
    }

    /// <summary>Everything that is one sealed piece, but points: sessions and their notes, collectors, condemnations, key slots,
    /// catalogues.</summary>
    private async Task CheckSmallObjectsAsync(CancellationToken cancellation)
    {
        foreach (var prefix in (string[])[ObjectNames.Sessions, ObjectNames.Collectors, ObjectNames.Condemnations, ObjectNames.Keys,
            ObjectNames.Catalogues])
        {
            List<string> names = [];
            await foreach (var entry in _vault.Store.ListAsync(prefix, cancellation).ConfigureAwait(false)) names.Add(entry.Name);
            await Bounded.ForEachAsync(
                names, _vault.Runtime.ReadsInFlight, name => CheckSmallObjectAsync(name, cancellation)).ConfigureAwait(false);
        }
    }

    private async Task CheckSmallObjectAsync(string name, CancellationToken cancellation)
    {
        Action<byte[]> check;
        if (name.StartsWith(ObjectNames.Keys, StringComparison.Ordinal)) check = bytes => CheckKeySlot(name, bytes);
        else if (KindOf(name) is { } kind) check = bytes => SealedDocument.Open(_vault.Keys, kind, name, bytes);
        // Files of other names are nobody's.
        else return;
        try
        {
            await _vault.ReadSmallAsync(name, check, cancellation).ConfigureAwait(false);
        }
        catch (DamageException damage)
        {
            // Of a session that was decided, nobody reads the object any more. As long as it has not ended it stays, because its
            // writer may wake up: that would be damage which nobody can ever mend.
            if (ObjectNames.TryParseSession(name, out var session, out var suffix) && suffix.Length == 0
                && await _vault.Store.ExistsAsync(ObjectNames.Decision(session), cancellation).ConfigureAwait(false)
                && !await _vault.Store.ExistsAsync(ObjectNames.Ended(session), cancellation).ConfigureAwait(false)) return;
            NoteSmallObject(damage);
        }
        catch (UnusableVaultException unknown)
        {
            lock (_found) _found.Add((name, DamageKind.KeySlot, unknown.Message));
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
        if (!KeySlot.IsSealed(_vault.Keys, name, bytes)) throw new DamageException(name, "its seal is wrong: it was altered");
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
        if (ObjectNames.TryParseCatalogue(name, out _)) return ObjectKind.Catalogue;
        return ObjectNames.TryParseCondemnation(name, out _) ? ObjectKind.Condemned : null;
    }

    private async Task FindAffectedAsync(Session session, CancellationToken cancellation)
    {
        // A point that was deleted while it was looked at has lost nothing.
        Points = await StillValidAsync(session, Points, cancellation).ConfigureAwait(false);
        foreach (var point in Points)
            foreach (var (volume, root) in RootsOf(point))
                foreach (var (blob, range) in await Trees!.AffectedAsync(volume, root, _vault.ChunkSize, cancellation)
                    .ConfigureAwait(false))
                {
                    if (!_affected.TryGetValue(blob, out var list)) _affected.Add(blob, list = []);
                    list.Add(new(point.Id, point.Name, volume.Name, range));
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

    private async Task NoteIndexAndPacksAsync(bool isIndexStill, CancellationToken cancellation)
    {
        foreach (var unreadable in Survey!.Index.Unreadable) Note(unreadable, DamageKind.Index);
        foreach (var (pack, reason) in Packs.BadPacks) _found.Add((ObjectNames.Pack(pack), DamageKind.Pack, reason));
        // What its owner, a collector or a repair has removed meanwhile hurts nobody. Of what is only listed the listing has told.
        HashSet<string> onlyListed = [.. Survey.Index.Unreadable.Where(ChunkIndex.IsOnlyListed).Select(damage => damage.ObjectName)];
        List<string> gone = [];
        foreach (var (name, _, _) in _found.ToList())
            if (!onlyListed.Contains(name) && !await _vault.Store.ExistsAsync(name, cancellation).ConfigureAwait(false)) gone.Add(name);
        _found.RemoveAll(item => gone.Contains(item.ObjectName));
        if (isIndexStill && Trees!.Unindexed.Count > 0)
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
            .Select(item => new VaultDamage(item.Key, item.Value.Kind, item.Value.Reason, Merge(item.Value.Affected))
            {
                IsOutOfUse = ObjectNames.TryParsePack(item.Key, out var id) && Survey!.Packs.TryFind(id, out var pack)
                    && Survey.Packs.At(pack) is { IsPresent: true, IsCondemned: true },
            })];
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

    private void NoteSmallObject(DamageException damage)
    {
        var name = damage.ObjectName;
        if (ObjectNames.TryParseSession(name, out var session, out var suffix) && suffix == ObjectNames.DecisionSuffix)
        {
            List<string> points = [.. Points.Where(point => point.Session == session.ToString()).Select(point => point.Id)];
            damage = new(name, $"{damage.Reason}; nobody can tell which points of this session count "
                + (points.Count == 0 ? "(none is here that can be read)" : $"(here are {string.Join(", ", points)})")
                + ", so nothing is collected. Put this object back from a copy of the vault; or delete those points, and "
                + "'repair --remove-unreadable' then decides that none counts");
        }
        else if (ObjectNames.TryParseSession(name, out _, out suffix) && suffix.Length == 0)
        {
            damage = new(name, $"{damage.Reason}; the next 'vault gc' takes the run that put it for dead");
        }
        else if (ObjectNames.TryParseCondemnation(name, out _))
        {
            damage = Condemnations.WithAdvice(damage);
        }
        else if (name == _vault.OpenedBySlot)
        {
            damage = new(name,
                $"{damage.Reason}; it opens the vault still: make its key anew with 'vbackup key rotate' before it does not");
        }
        else if (name.StartsWith(ObjectNames.Keys, StringComparison.Ordinal))
        {
            damage = new(name, $"{damage.Reason}; make that key anew, then give this slot up with 'vbackup key remove', or with "
                + "'vbackup vault repair --remove-unreadable' where nothing of it can be read");
        }
        else if (ObjectNames.TryParseCatalogue(name, out _))
        {
            damage = new(name, $"{damage.Reason}; no point needs it, and it goes when newer ones have been saved");
        }
        Note(damage, DamageKindOf(name));
    }

    private static DamageKind DamageKindOf(string name) =>
        name.StartsWith(ObjectNames.Points, StringComparison.Ordinal) ? DamageKind.Point
        : name.StartsWith(ObjectNames.Keys, StringComparison.Ordinal) ? DamageKind.KeySlot
        : name.StartsWith(ObjectNames.Condemnations, StringComparison.Ordinal) ? DamageKind.Condemnation
        : name.StartsWith(ObjectNames.Collectors, StringComparison.Ordinal) ? DamageKind.Collector
        : name.StartsWith(ObjectNames.Catalogues, StringComparison.Ordinal) ? DamageKind.Catalogue
        : DamageKind.Session;

    private void Note(DamageException damage, DamageKind kind)
    {
        lock (_found) _found.Add((damage.ObjectName, kind, damage.Reason));
    }

    public async ValueTask DisposeAsync()
    {
        Packs.Dispose();
        if (Survey is not null) await Survey.DisposeAsync().ConfigureAwait(false);
    }
}
