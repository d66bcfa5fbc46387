using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Holding;
using VBackup.Vault.Indexing;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Collecting;

/// <summary>
/// Garbage collection: the collector of <c>docs/session-protocol.md</c>, step by step. Any number may run at once, beside any
/// number of writers, readers and deleters.
/// </summary>
public sealed class Collector
{
    /// <summary>Index objects below this size are merged when there are many.</summary>
    private const int SmallIndexEntries = 64 * 1024;
    private const int SmallIndexesMax = 16;

    private readonly BackupVault _vault;
    private readonly CollectorOptions _options;
    private readonly IProgress<string>? _progress;
    private readonly Registration _registration;
    private CollectionResult _result = new();
    private int _condemnations;
    private bool _deletes;

    private Collector(BackupVault vault, CollectorOptions options, IProgress<string>? progress, Registration registration)
    {
        _vault = vault;
        _options = options;
        _progress = progress;
        _registration = registration;
    }

    /// <summary>Runs one collection.</summary>
    /// <exception cref="DamageException">A valid point or the index cannot be read; nothing was deleted. Verify, then repair.</exception>
    /// <exception cref="CollectorExpelledException">Another collector took this one for dead.</exception>
    public static async Task<CollectionResult> RunAsync(
        BackupVault vault, CollectorOptions options, IProgress<string>? progress, CancellationToken cancellation)
    {
        await PointHold.HoldYoungAsync(vault, cancellation).ConfigureAwait(false);
        var registration = await Registration.BeginAsync(vault, cancellation).ConfigureAwait(false);
        var collector = new Collector(vault, options, progress, registration);
        try
        {
            int deleted;
            do
            {
                deleted = collector._result.PacksDeleted;
                collector._result = collector._result with { IsShortOfRoom = false };
                await collector.CollectOrExplainAsync(cancellation).ConfigureAwait(false);
            }
            // What was deleted made room for more.
            while (collector._result.IsShortOfRoom && collector._result.PacksDeleted > deleted);
        }
        catch
        {
            await collector.LeaveAsync().ConfigureAwait(false);
            throw;
        }
        await registration.EndAsync(cancellation).ConfigureAwait(false);
        return collector._result;
    }

    // Whoever failed deletes nothing more, and registered it would keep others from tidying up. Once it has begun to delete, its
    // condemnations stay: deletes may be in doubt, and the next collector rewrites what they name.
    private async Task LeaveAsync()
    {
        using var farewell = new CancellationTokenSource(_vault.Runtime.FarewellTimeout, _vault.Clock);
        try
        {
            if (!_deletes) await Condemnations.RemoveAsync(_vault, _registration.Id, farewell.Token).ConfigureAwait(false);
            await _registration.EndAsync(farewell.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is StoreException or OperationCanceledException)
        {
            // The failure before this one is the one to see; a registration that stays is expelled by another collector.
        }
    }

    private async Task CollectOrExplainAsync(CancellationToken cancellation)
    {
        try
        {
            await CollectAsync(cancellation).ConfigureAwait(false);
        }
        catch (StoreException discarded) when (discarded.Failure == StoreFailure.NotFound)
        {
            // A collector that took this one for dead discards what it left unfinished; the expulsion is the reason to give.
            await _registration.EnsureHereAsync(cancellation).ConfigureAwait(false);
            throw;
        }
    }

    private async Task CollectAsync(CancellationToken cancellation)
    {
        var others = await _registration.OthersAsync(_options.CollectorTimeout, cancellation).ConfigureAwait(false);
        // Step 8 before step 2 as well: else the bases of runs that ended long ago would keep deleted points' chunks alive.
        await RemoveEndedSessionsAsync(cancellation).ConfigureAwait(false);
        // So would those of runs that died.
        var wait = new SessionWait(_vault, _options);
        await wait.RevokeSilentAsync(_progress, cancellation).ConfigureAwait(false);
        var unfinished = await ListUnfinishedAsync(cancellation).ConfigureAwait(false);
        var live = new ChunkFilter(
            await EstimateEntriesAsync(cancellation).ConfigureAwait(false), _vault.Runtime.LiveFilterSizeMax, _options.FilterSalt);

        _progress?.Report("marking what is live");
        var mark = await LiveMark.RunAsync(_vault, _registration, live, cancellation).ConfigureAwait(false);
        foreach (var invalid in mark.Invalid)
            await HeldObjects.TryDeleteAsync(_vault.Store, ObjectNames.Point(invalid), cancellation).ConfigureAwait(false);
        var condemned = await CondemnAsync(mark, others, cancellation).ConfigureAwait(false);

        await wait.RunAsync(_progress, cancellation).ConfigureAwait(false);
        _result = _result with { SessionsRevoked = _result.SessionsRevoked + wait.Revoked };

        if (condemned.Count > 0)
        {
            _progress?.Report("marking again");
            // The same salt: what the first mark wrongly called live was copied, and is wrongly called live again.
            live.Reset();
            mark = await LiveMark.RunAsync(_vault, _registration, live, cancellation).ConfigureAwait(false);
        }
        if (mark.IsIncomplete)
        {
            // Nothing may be deleted; the packs that were condemned stay in use.
            _result = _result with { IsPostponed = condemned.Count > 0 };
            condemned.Clear();
        }
        await DeleteAsync(mark, condemned, cancellation).ConfigureAwait(false);
        await RemoveLeftoversAsync(unfinished, cancellation).ConfigureAwait(false);
    }

    /// <summary>Step 3.</summary>
    /// <returns>The packs that this collector condemned.</returns>
    private async Task<HashSet<ObjectId>> CondemnAsync(
        LiveMark mark, HashSet<SessionId> others, CancellationToken cancellation)
    {
        _progress?.Report("reading the index");
        var survey = await VaultSurvey.ReadAsync(_vault, IndexUse.Scan, tolerant: false, cancellation).ConfigureAwait(false);
        await using (survey.ConfigureAwait(false))
        {
            // Of a collector that is gone, nobody deletes what it condemned: its packs are rewritten, whatever is live in them.
            HashSet<int> orphaned = [];
            foreach (var condemnation in survey.Condemnations.Where(condemnation => !others.Contains(condemnation.By)))
                foreach (var pack in condemnation.Packs)
                    if (survey.Packs.TryFind(pack, out var ordinal) && survey.Packs.At(ordinal).IsPresent) orphaned.Add(ordinal);
            await AdoptUnindexedAsync(survey, putIndex: true, pack => !survey.Packs.At(pack).IsCondemned, cancellation)
                .ConfigureAwait(false);
            var unknown = await AdoptUnindexedAsync(survey, putIndex: false, orphaned.Contains, cancellation).ConfigureAwait(false);
            orphaned.ExceptWith(unknown);

            var ledger = PackLedger.Read(survey, mark, orphaned);
            List<int> dead = [.. ledger.Dead(), .. unknown.Where(pack => !mark.IsHinted(survey.Packs[pack]))];
            List<int> victims = [.. ledger.Wasteful(_options, _vault.Runtime.PackSizeTarget), .. orphaned];
            // What the store holds stays in use until it can be deleted.
            var held = await HeldObjects.FindPacksAsync(
                _vault, dead.Concat(victims).Select(pack => survey.Packs[pack]), cancellation).ConfigureAwait(false);
            _result = _result with { PacksHeld = dead.Count(pack => held.Contains(survey.Packs[pack])) };
            dead.RemoveAll(pack => held.Contains(survey.Packs[pack]));
            victims.RemoveAll(pack => held.Contains(survey.Packs[pack]));
            var rewriter = new PackRewriter(_vault, survey, mark, [.. victims, .. dead]);
            if (victims.Count > 0) _progress?.Report($"rewriting {victims.Count} pack(s)");
            var rewritten = await rewriter.RewriteAsync(victims, ledger, cancellation).ConfigureAwait(false);
            List<int> all = [.. dead, .. rewritten];
            _result = _result with
            {
                IsShortOfRoom = _result.IsShortOfRoom || rewriter.IsShortOfRoom,
                PacksRewritten = _result.PacksRewritten + rewritten.Count,
                CopiedBytes = _result.CopiedBytes + rewriter.CopiedBytes,
                DamagedPacks = [.. rewriter.Damaged.Select(pack => ObjectNames.Pack(survey.Packs[pack]))],
            };
            List<ObjectId> condemned = [.. all.Select(pack => survey.Packs[pack])];
            // Copying that ended for lack of room has given back what its last pack took.
            _condemnations = await Condemnations.PutAsync(_vault, _registration.Id, condemned, cancellation, _condemnations)
                .ConfigureAwait(false);
            return [.. condemned];
        }
    }

    /// <returns>False when the store is full. What it was about can be left for a time with more room.</returns>
    private static async Task<bool> TryWithinRoomAsync(Func<Task> put)
    {
        try
        {
            await put().ConfigureAwait(false);
            return true;
        }
        catch (StoreException full) when (full.Failure == StoreFailure.Full)
        {
            return false;
        }
    }

    /// <summary>Steps 6 and 7.</summary>
    private async Task DeleteAsync(LiveMark mark, HashSet<ObjectId> condemned, CancellationToken cancellation)
    {
        var survey = await VaultSurvey.ReadAsync(_vault, IndexUse.Scan, tolerant: false, cancellation).ConfigureAwait(false);
        await using (survey.ConfigureAwait(false))
        {
            var unknown = await AdoptUnindexedAsync(survey, putIndex: false, pack => condemned.Contains(survey.Packs[pack]), cancellation)
                .ConfigureAwait(false);
            var doomed = Doomed(survey, mark, condemned);
            // What such a pack holds nobody can tell; but what is live in it can be reached by hints alone.
            doomed.RemoveWhere(pack => unknown.Contains(pack) && mark.IsHinted(survey.Packs[pack]));
            var held = await HeldObjects.FindPacksAsync(_vault, doomed.Select(pack => survey.Packs[pack]), cancellation)
                .ConfigureAwait(false);
            doomed.RemoveWhere(pack => held.Contains(survey.Packs[pack]));
            List<IndexObject> replaced = [];
            // Entries of packs that are gone are harmless (F2), and a later collection drops them.
            if (!await TryWithinRoomAsync(async () => replaced = await ConsolidateAsync(survey, doomed, cancellation).ConfigureAwait(false))
                .ConfigureAwait(false)) _result = _result with { IsShortOfRoom = true };

            _deletes = true;
            await Bounded.ForEachAsync(replaced, _vault.Runtime.ReadsInFlight,
                item => HeldObjects.TryDeleteAsync(_vault.Store, item.Name, cancellation)).ConfigureAwait(false);
            doomed.ExceptWith(await DeletePacksAsync(survey, [.. doomed], cancellation).ConfigureAwait(false));

            // Every delete was confirmed, or we would not be here.
            await Condemnations.RemoveAsync(_vault, _registration.Id, cancellation).ConfigureAwait(false);
            _deletes = false;
            // The packs were listed after the condemnations were read, and those just deleted are gone for certain: one whose
            // packs are all gone says nothing any more.
            foreach (var condemnation in survey.Condemnations)
                if (condemnation.By != _registration.Id && condemnation.Packs.All(pack =>
                    !survey.Packs.TryFind(pack, out var ordinal) || !survey.Packs.At(ordinal).IsPresent || doomed.Contains(ordinal)))
                    await HeldObjects.TryDeleteAsync(_vault.Store, condemnation.ObjectName, cancellation).ConfigureAwait(false);

            // What it condemned and has to leave is in use again.
            var others = survey.Condemnations.Where(condemnation => condemnation.By != _registration.Id)
                .SelectMany(condemnation => condemnation.Packs)
                .ToHashSet();
            for (var pack = 0; pack < survey.Packs.Count; pack++)
                survey.Packs.At(pack).IsCondemned = doomed.Contains(pack) || others.Contains(survey.Packs[pack]);
            var (total, waste) = PackLedger.Read(survey, mark, new HashSet<int>()).Totals(pack => !doomed.Contains(pack));
            _result = _result with
            {
                PacksDeleted = _result.PacksDeleted + doomed.Count,
                DeletedBytes = _result.DeletedBytes + doomed.Sum(pack => survey.Packs.At(pack).LengthBytes),
                IndexObjectsReplaced = _result.IndexObjectsReplaced + replaced.Count,
                PackBytes = total,
                WasteBytes = waste,
            };
        }
    }

    /// <returns>Those that a run has had the store hold since they were looked at. Their entries may have gone from the index; the
    /// next collection finds them by their footers.</returns>
    private async Task<HashSet<int>> DeletePacksAsync(VaultSurvey survey, List<int> packs, CancellationToken cancellation)
    {
        HashSet<int> held = [];
        await Bounded.ForEachAsync(packs, _vault.Runtime.ReadsInFlight, async pack =>
        {
            if (!await HeldObjects.TryDeleteAsync(_vault.Store, ObjectNames.Pack(survey.Packs[pack]), cancellation).ConfigureAwait(false))
                lock (held) held.Add(pack);
        }).ConfigureAwait(false);
        return held;
    }

    /// <summary>Own condemned packs whose every live chunk is also in a present, indexed pack that nobody condemned.</summary>
    private static HashSet<int> Doomed(VaultSurvey survey, LiveMark mark, HashSet<ObjectId> condemned)
    {
        HashSet<int> doomed = [.. Enumerable.Range(0, survey.Packs.Count)
            .Where(pack => survey.Packs.At(pack).IsPresent && condemned.Contains(survey.Packs[pack]))];
        if (doomed.Count == 0) return doomed;
        HashSet<int> needed = [];
        List<IndexEntry> entries = [];
        foreach (var (first, last) in survey.Index.Parts(PackLedger.EntriesPerPart))
        {
            survey.Index.ReadRange(first, last, entries);
            for (var at = 0; at < entries.Count;)
            {
                var end = PackLedger.EndOfId(entries, at);
                var held = false;
                for (var i = at; i < end; i++) held |= survey.Packs.IsUsable(entries[i].Pack);
                if (!held && mark.Live.MayContain(entries[at].Id))
                    for (var i = at; i < end; i++) needed.Add(entries[i].Pack);
                at = end;
            }
        }
        doomed.ExceptWith(needed);
        return doomed;
    }

    /// <summary>Puts what is still needed of index objects that name packs which go, or that are many and small.</summary>
    /// <returns>The index objects that may be deleted now.</returns>
    private async Task<List<IndexObject>> ConsolidateAsync(VaultSurvey survey, HashSet<int> doomed, CancellationToken cancellation)
    {
        bool Goes(int pack) => doomed.Contains(pack) || !survey.Packs.At(pack).IsPresent;
        var small = survey.Index.Objects.Where(item => item.EntryCount < SmallIndexEntries).ToList();
        var replaced = survey.Index.Objects.Where(item => item.IsStored && item.Packs.Any(Goes)).ToHashSet();
        if (small.Count > SmallIndexesMax) replaced.UnionWith(small.Where(item => item.IsStored));
        if (replaced.Count == 0) return [];
        // All entries of a pack stay in one object (F6): a large object is written anew by itself, small ones are put together.
        foreach (var together in Bins(replaced)) await MergeAsync(survey, together, Goes, cancellation).ConfigureAwait(false);
        return [.. replaced];
    }

    private static IEnumerable<HashSet<IndexObject>> Bins(IEnumerable<IndexObject> objects)
    {
        HashSet<IndexObject> bin = [];
        long entries = 0;
        foreach (var item in objects.OrderBy(item => item.EntryCount))
        {
            if (bin.Count > 0 && entries + item.EntryCount > FormatLimits.IndexObjectEntriesMax)
            {
                yield return bin;
                bin = [];
                entries = 0;
            }
            bin.Add(item);
            entries += item.EntryCount;
        }
        yield return bin;
    }

    private async Task MergeAsync(
        VaultSurvey survey, HashSet<IndexObject> together, Func<int, bool> goes, CancellationToken cancellation)
    {
        var writer = new IndexWriter(_vault, survey.Packs);
        await using (writer.ConfigureAwait(false))
        {
            List<IndexEntry> entries = [];
            foreach (var (first, last) in survey.Index.Parts(PackLedger.EntriesPerPart))
            {
                survey.Index.ReadRange(first, last, entries, together.Contains);
                foreach (var entry in entries)
                    if (!goes(entry.Pack)) await writer.AddAsync(entry, cancellation).ConfigureAwait(false);
            }
            await writer.FinishAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Takes packs that no index object names into the survey, by their footers.</summary>
    /// <param name="putIndex">Whether to put index objects of them; then an unreadable footer is an error.</param>
    /// <returns>Packs whose footers cannot be read.</returns>
    private async Task<HashSet<int>> AdoptUnindexedAsync(
        VaultSurvey survey, bool putIndex, Func<int, bool> wanted, CancellationToken cancellation)
    {
        HashSet<int> unknown = [];
        for (var pack = 0; pack < survey.Packs.Count; pack++)
        {
            if (!survey.Packs.At(pack).IsPresent || survey.Packs.At(pack).IsIndexed || !wanted(pack)) continue;
            PackEntry[] footer;
            try
            {
                footer = await PackFooters.ReadAsync(_vault, survey.Packs[pack], cancellation).ConfigureAwait(false);
            }
            catch (StoreException gone) when (gone.Failure == StoreFailure.NotFound)
            {
                survey.Packs.At(pack).IsPresent = false;
                continue;
            }
            catch (DamageException) when (!putIndex)
            {
                unknown.Add(pack);
                continue;
            }
            var (id, bytes) = PackFooters.Index(_vault, survey.Packs[pack], footer);
            var isStored = putIndex && await TryWithinRoomAsync(
                () => _vault.Store.PutAsync(ObjectNames.Index(id), bytes, cancellation)).ConfigureAwait(false);
            if (putIndex && !isStored) _result = _result with { IsShortOfRoom = true };
            survey.Index.Add(bytes, id, isStored);
        }
        return unknown;
    }

    private async Task RemoveEndedSessionsAsync(CancellationToken cancellation)
    {
        var removed = await EndedSessions.RemoveAsync(_vault, _registration, _options, cancellation).ConfigureAwait(false);
        _result = _result with { SessionsRemoved = _result.SessionsRemoved + removed };
    }

    private async Task<long> EstimateEntriesAsync(CancellationToken cancellation)
    {
        long bytes = 0;
        await foreach (var entry in _vault.Store.ListAsync(ObjectNames.Indexes, cancellation).ConfigureAwait(false))
            bytes += entry.LengthBytes;
        return bytes / IndexEntry.Size;
    }

    private async Task<List<UnfinishedObject>> ListUnfinishedAsync(CancellationToken cancellation)
    {
        List<UnfinishedObject> unfinished = [];
        await foreach (var item in _vault.Store.ListUnfinishedAsync(cancellation).ConfigureAwait(false)) unfinished.Add(item);
        return unfinished;
    }

    /// <summary>Step 8, and what dead writers left half uploaded before this collection began to wait.</summary>
    private async Task RemoveLeftoversAsync(List<UnfinishedObject> unfinished, CancellationToken cancellation)
    {
        await RemoveEndedSessionsAsync(cancellation).ConfigureAwait(false);
        if (unfinished.Count == 0) return;
        // Their sessions have ended or been revoked; another collector's copies are the only ones that may be alive.
        if ((await _registration.OthersAsync(_options.CollectorTimeout, cancellation).ConfigureAwait(false)).Count > 0) return;
        foreach (var item in unfinished)
            await _vault.Store.DiscardUnfinishedAsync(item, cancellation).ConfigureAwait(false);
    }
}
