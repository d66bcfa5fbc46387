using System.Security.Cryptography;

namespace VBackup.Vault.Stores;

/// <summary>What a vault asks of a store.</summary>
public enum StoreAbility
{
    /// <summary>Small objects can be put.</summary>
    Put,
    /// <summary>Large ones can be written piece by piece (in S3, as multipart uploads).</summary>
    Write,
    /// <summary>What was put can be read, and is what was put.</summary>
    Read,
    /// <summary>What was put is listed, at once.</summary>
    List,
    /// <summary>Objects can be deleted, and are gone then.</summary>
    Delete,
    /// <summary>What writers left unfinished can be listed and discarded.</summary>
    TidyUp,
    /// <summary>Of several who create the same object, one succeeds. A vault does without, at a price.</summary>
    CreateOnce,
    /// <summary>What is deleted is gone, and not kept as a version. A vault does without, at a price.</summary>
    Forget,
    /// <summary>Where the store is made to hold objects: whoever asks may have it hold some. Without it, no point is held.</summary>
    Hold,
}

/// <summary>Something that a store lacks.</summary>
/// <param name="Reason">What the store did when it was tried, in one line.</param>
public sealed record StoreLack(StoreAbility Ability, string Reason)
{
    /// <summary>Whether no vault can be without it.</summary>
    public bool IsNeeded => Ability is not (StoreAbility.CreateOnce or StoreAbility.Forget or StoreAbility.Hold);
}

/// <summary>What a check of a store found.</summary>
/// <param name="Lacks">What it cannot do; what could not be tried, because something before it failed, is not named.</param>
/// <param name="IsLeftBehind">Test objects, below <c>probe/</c>, could not be deleted.</param>
/// <param name="CanHold">It can hold points against everybody.</param>
public sealed record StoreCheckResult(IReadOnlyList<StoreLack> Lacks, bool IsLeftBehind, bool CanHold = false)
{
    /// <summary>Whether a vault can be kept there.</summary>
    public bool IsUsable => !Lacks.Any(lack => lack.IsNeeded);
}

/// <summary>
/// Finds out whether a store can keep a vault, by doing with test objects (below <c>probe/</c>) what a vault does: put, write, read,
/// list, delete, create once, hold. On a file system these are its syncs, renames and links.
/// </summary>
public sealed class StoreCheck
{
    const int LargeLengthBytes = 100_000;

    /// <summary>A time that holds nothing, whatever the store's clock says.</summary>
    static readonly DateTimeOffset s_over = new(2001, 1, 1, 0, 0, 0, TimeSpan.Zero);

    readonly IObjectStore store;
    readonly string small = NewName(), large = NewName();
    readonly List<StoreLack> lacks = [];

    StoreCheck(IObjectStore store) => this.store = store;

    static string NewName() => $"probe/{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16))}";

    /// <summary>Tries everything, and removes the test objects.</summary>
    /// <exception cref="StoreException">The store cannot be reached or is full, or whoever asks is let in to nothing at all.</exception>
    public static Task<StoreCheckResult> RunAsync(IObjectStore store, CancellationToken cancellation) =>
        new StoreCheck(store).RunAsync(cancellation);

    async Task<StoreCheckResult> RunAsync(CancellationToken cancellation)
    {
        var content = RandomNumberGenerator.GetBytes(100);
        var wasPut = await TryAsync(StoreAbility.Put, () => store.PutAsync(small, content, cancellation)).ConfigureAwait(false);
        var wasWritten = await TryAsync(StoreAbility.Write, () => WriteAsync(cancellation)).ConfigureAwait(false);
        var wasListed = await TryAsync(StoreAbility.List, () => ListAsync(wasPut, cancellation)).ConfigureAwait(false);
        var wasRead = wasPut && await TryAsync(StoreAbility.Read, () => ReadAsync(content, cancellation)).ConfigureAwait(false);
        if (!wasPut && !wasWritten && !wasListed) throw Refusal!;
        var canHold = wasPut && await CanHoldAsync(cancellation).ConfigureAwait(false);
        await TryAsync(StoreAbility.TidyUp, () => TidyUpAsync(cancellation)).ConfigureAwait(false);
        // Tried last, as it deletes what it made.
        var wasDeleted = await TryAsync(StoreAbility.Delete, () => DeleteAsync(wasListed, cancellation)).ConfigureAwait(false);
        // Who came first is seen by reading.
        if (wasRead && wasDeleted) await TryAsync(StoreAbility.CreateOnce, () => CreateOnceAsync(cancellation)).ConfigureAwait(false);
        if (await store.FindKeptVersionsAsync(cancellation).ConfigureAwait(false) is { } kept) lacks.Add(new(StoreAbility.Forget, kept));
        return new(lacks, IsLeftBehind: !wasDeleted && (wasPut || wasWritten), canHold);
    }

    /// <summary>Whether an object of a store that can hold objects may be held by whoever asks. Nothing is held by it.</summary>
    /// <exception cref="StoreException">It may not, or nobody knows.</exception>
    public static Task TryHoldAsync(IObjectStore store, string name, CancellationToken cancellation) =>
        store.HoldAsync(name, s_over, cancellation);

    async Task<bool> CanHoldAsync(CancellationToken cancellation) => await store.CanHoldAsync(cancellation).ConfigureAwait(false)
        && await TryAsync(StoreAbility.Hold, () => TryHoldAsync(store, small, cancellation)).ConfigureAwait(false);

    StoreException? Refusal { get; set; }

    /// <returns>Whether it could be done; why not, is noted.</returns>
    async Task<bool> TryAsync(StoreAbility ability, Func<Task> attempt)
    {
        try
        {
            await attempt().ConfigureAwait(false);
            return true;
        }
        catch (StoreException failure) when (failure.Failure
            is StoreFailure.Refused or StoreFailure.Other or StoreFailure.Mismatch or StoreFailure.NotFound or StoreFailure.Held)
        {
            Refusal ??= failure;
            lacks.Add(new(ability, failure.Reason));
            return false;
        }
    }

    async Task WriteAsync(CancellationToken cancellation)
    {
        var writer = await store.OpenWriterAsync(large, cancellation).ConfigureAwait(false);
        await using var closing = writer.ConfigureAwait(false);
        await writer.AppendAsync(new byte[LargeLengthBytes], cancellation).ConfigureAwait(false);
        await writer.CommitAsync(cancellation).ConfigureAwait(false);
    }

    async Task ReadAsync(byte[] content, CancellationToken cancellation)
    {
        var found = await store.GetAsync(small, content.Length, cancellation).ConfigureAwait(false);
        var part = new byte[10];
        await store.ReadAsync(small, 20, part, cancellation).ConfigureAwait(false);
        if (!found.AsSpan().SequenceEqual(content) || !part.AsSpan().SequenceEqual(content.AsSpan(20, 10)))
            throw StoreOperation.Read.Failed(StoreFailure.Mismatch, small, "it is not what was put");
    }

    async Task ListAsync(bool isThere, CancellationToken cancellation)
    {
        var isListed = false;
        await foreach (var entry in store.ListAsync("probe/", cancellation).ConfigureAwait(false)) isListed |= entry.Name == small;
        if (isListed == isThere) return;
        throw StoreOperation.List.Failed(StoreFailure.Mismatch, "probe/",
            isThere ? "what was put is not listed at once" : "what was deleted is still listed");
    }

    // What never began is as gone as what was discarded; who may not discard is told so all the same.
    async Task TidyUpAsync(CancellationToken cancellation)
    {
        await foreach (var _ in store.ListUnfinishedAsync(cancellation).ConfigureAwait(false)) break;
        await store.DiscardUnfinishedAsync(new(large, UnfinishedFile.NewNameFor(large)), cancellation).ConfigureAwait(false);
    }

    async Task DeleteAsync(bool canList, CancellationToken cancellation)
    {
        await store.DeleteAsync(small, cancellation).ConfigureAwait(false);
        await store.DeleteAsync(large, cancellation).ConfigureAwait(false);
        if (canList) await ListAsync(isThere: false, cancellation).ConfigureAwait(false);
    }

    async Task CreateOnceAsync(CancellationToken cancellation)
    {
        if (!await store.CanCreateOnceAsync(cancellation).ConfigureAwait(false))
            throw StoreOperation.CanCreateOnce.Failed(StoreFailure.Other, "probe/", "a second creation of the same object was not refused");
    }
}
