using VBackup.Clouds.Volumes;
using VBackup.Contracts.Work;
using VBackup.Edge.Running;
using VBackup.Primitives;
using VBackup.Vault;
using VBackup.Vault.Catalog;
using VBackup.Vault.Collecting;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Verifying;

namespace VBackup.Worker;

/// <summary>Work on vaults that no run waits for.</summary>
static class VaultWork
{
    /// <summary>Whether a place can be a location, found out by doing with test objects what a vault does.</summary>
    public static async Task<VaultResult> CheckAsync(VaultOpening vaults, VaultOrder order, WorkSecrets secrets,
        CancellationToken cancellation)
    {
        if (VaultOpening.IsFolder(order.Vault) && VaultAround(order.Vault.Address) is { } other)
            throw new RefusedException($"it lies within another vault, {other}");
        var store = vaults.Store(order.Vault, secrets, creates: true);
        await using var closing = store.ConfigureAwait(false);
        var found = await StoreCheck.RunAsync(store, cancellation).ConfigureAwait(false);
        if (!found.IsUsable)
            throw new RefusedException(string.Join("; ", found.Lacks.Where(lack => lack.IsNeeded).Select(lack =>
                $"it cannot {lack.Ability}: {lack.Reason}")));
        return new(0, [.. found.Lacks.Select(lack => $"it cannot {lack.Ability}: {lack.Reason}")], found.CanHold,
            found.Lacks.FirstOrDefault(lack => lack.Ability == StoreAbility.Hold)?.Reason);
    }

    // Of those that services made, the vBackup service knows; this may be any.
    static string? VaultAround(string folder)
    {
        var around = Path.GetDirectoryName(FileIdentity.RealPath(folder));
        while (around is not null && !File.Exists(Path.Combine(around, ObjectNames.Header))) around = Path.GetDirectoryName(around);
        return around;
    }

    public static async Task<VaultResult> PruneAsync(VaultOpening vaults, PruneOrder order, WorkSecrets secrets,
        CancellationToken cancellation)
    {
        var vault = await vaults.OpenAsync(order.Vault, secrets, makes: false, cancellation).ConfigureAwait(false);
        await using var closing = vault.ConfigureAwait(false);
        foreach (var name in order.VaultPoints)
            if (PointId.TryParse(name, out var id)) await VaultCatalog.DeleteAsync(vault, id, cancellation).ConfigureAwait(false);
        return await UsedAsync(vault, [], cancellation).ConfigureAwait(false);
    }

    public static async Task<VaultResult> CollectAsync(VaultOpening vaults, VaultOrder order, WorkSecrets secrets,
        CancellationToken cancellation)
    {
        var vault = await vaults.OpenAsync(order.Vault, secrets, makes: false, cancellation).ConfigureAwait(false);
        await using var closing = vault.ConfigureAwait(false);
        var collected = await Collector.RunAsync(vault, new(), progress: null, cancellation).ConfigureAwait(false);
        var used = await UsedAsync(vault, [.. collected.DamagedPacks.Select(pack => $"{pack} is damaged")], cancellation)
            .ConfigureAwait(false);
        return used with { CanHold = await MayHoldAsync(vault.Store, cancellation).ConfigureAwait(false) };
    }

    static async Task<bool> MayHoldAsync(IObjectStore store, CancellationToken cancellation)
    {
        if (!await store.CanHoldAsync(cancellation).ConfigureAwait(false)) return false;
        try
        {
            await StoreCheck.TryHoldAsync(store, ObjectNames.Header, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (StoreException refused) when (refused.Failure == StoreFailure.Refused)
        {
            return false;
        }
    }

    public static async Task<VaultResult> VerifyAsync(VaultOpening vaults, VaultOrder order, WorkSecrets secrets,
        CancellationToken cancellation)
    {
        var vault = await vaults.OpenAsync(order.Vault, secrets, makes: false, cancellation).ConfigureAwait(false);
        await using var closing = vault.ConfigureAwait(false);
        var verified = await Verifier.RunAsync(vault, allData: true, progress: null, cancellation).ConfigureAwait(false);
        return await UsedAsync(vault, [.. verified.Damages.Select(damage => damage.ToString())], cancellation).ConfigureAwait(false);
    }

    static async Task<VaultResult> UsedAsync(BackupVault vault, IReadOnlyList<string> notes, CancellationToken cancellation)
    {
        var numbers = await VaultCatalog.StatisticsAsync(vault, cancellation).ConfigureAwait(false);
        return new(numbers.PackBytes + numbers.IndexBytes + numbers.OtherBytes, notes);
    }
}
