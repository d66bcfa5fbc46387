using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Holding;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Collecting;

/// <summary>A collector's registration (steps 1 and 9), and what becomes of dead ones.</summary>
internal sealed class Registration(BackupVault vault, SessionId id)
{
    private const int AttemptsMax = 5;

    public SessionId Id { get; } = id;

    public static async Task<Registration> BeginAsync(BackupVault vault, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var id = SessionId.New(vault.Runtime.FillRandom);
            try
            {
                await vault.PutFencedAsync(ObjectKind.Collector, ObjectNames.Collector(id), Session.Document(vault, id, "collect", []),
                    DocumentJson.Default.SessionDocument, cancellation).ConfigureAwait(false);
                return new(vault, id);
            }
            catch (StoreException discarded) when (discarded.Failure == StoreFailure.NotFound && attempt < AttemptsMax)
            {
                // Another collector is tidying up what was never finished, and cannot tell a registration that is on its way
                // from a dead one. In doubt or not, the next goes by another name.
            }
        }
    }

    /// <exception cref="CollectorExpelledException">The registration is gone.</exception>
    public async Task EnsureHereAsync(CancellationToken cancellation)
    {
        if (!await vault.Store.ExistsAsync(ObjectNames.Collector(Id), cancellation).ConfigureAwait(false))
            throw new CollectorExpelledException();
    }

    /// <summary>The others that are registered now, after those that are surely dead or too old were expelled.</summary>
    public async Task<HashSet<SessionId>> OthersAsync(TimeSpan timeout, CancellationToken cancellation)
    {
        HashSet<SessionId> others = [];
        await foreach (var entry in vault.Store.ListAsync(ObjectNames.Collectors, cancellation).ConfigureAwait(false))
        {
            if (!ObjectNames.TryParseCollector(entry.Name, out var other) || other == Id) continue;
            bool dead;
            try
            {
                var document = await vault.FindAsync(
                    ObjectKind.Collector, entry.Name, DocumentJson.Default.SessionDocument, cancellation).ConfigureAwait(false);
                if (document is null) continue;
                dead = ProcessIdentity.IsSurelyGone(document.BootId, document.ProcessId, document.ProcessStart)
                    || vault.Clock.GetUtcNow() - document.StartedAt > timeout;
            }
            catch (DamageException)
            {
                // Nobody can ever tell whether it is alive, and it would stand in the way for ever.
                dead = true;
            }
            // Safe at any time: an expelled collector that wakes up finds its registration gone before it relies on a mark.
            if (!dead || !await HeldObjects.TryDeleteAsync(vault.Store, entry.Name, cancellation).ConfigureAwait(false)) others.Add(other);
        }
        return others;
    }

    public Task EndAsync(CancellationToken cancellation) =>
        HeldObjects.TryDeleteAsync(vault.Store, ObjectNames.Collector(Id), cancellation);
}
