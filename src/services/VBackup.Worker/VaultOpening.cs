using System.Security.Cryptography;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Limits;
using VBackup.Contracts.Work;
using VBackup.Edge.Running;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Worker;

/// <summary>Opens vaults with what a lease brings. Nothing of it stays when the vault is closed.</summary>
/// <param name="around">What lies around each store that is opened, outside of its retries; it owns what it is given.</param>
/// <param name="places">Where vaults may be; anywhere, if it is not said.</param>
public sealed class VaultOpening(VaultRuntime runtime, int chunkSize, RetryLimits retries, SharedRates? rates = null,
    Func<IObjectStore, IObjectStore>? around = null, LocationPlaces? places = null)
{
    readonly LocationPlaces _places = places ?? LocationPlaces.Anywhere;
    readonly SharedRates _rates = rates ?? SharedRates.None;

    /// <param name="makes">Make it where there is none: a project's first backup.</param>
    /// <exception cref="RefusedException">The lease brought no key.</exception>
    public async Task<BackupVault> OpenAsync(VaultAddress address, WorkSecrets secrets, bool makes, CancellationToken cancellation)
    {
        if (secrets.VaultKey is not { } key) throw new RefusedException("the project has no key, or it was erased");
        using var unlock = VaultUnlock.WithKey(key);
        CryptographicOperations.ZeroMemory(key);
        if (!makes || address.HoldsPoints || await IsThereAsync(address, secrets, cancellation).ConfigureAwait(false))
            return await OpenAsync(address, secrets, unlock, cancellation).ConfigureAwait(false);
        try
        {
            return await BackupVault.CreateAsync(
                Store(address, secrets, creates: true), unlock, chunkSize, RuntimeOf(address), cancellation).ConfigureAwait(false);
        }
        catch (UnusableVaultException)
        {
            // Somebody else has made it at the same time.
            return await OpenAsync(address, secrets, unlock, cancellation).ConfigureAwait(false);
        }
    }

    async Task<BackupVault> OpenAsync(VaultAddress address, WorkSecrets secrets, VaultUnlock unlock, CancellationToken cancellation)
    {
        using var previous = secrets.PreviousVaultKey is { } key ? VaultUnlock.WithKey(key) : null;
        CryptographicOperations.ZeroMemory(secrets.PreviousVaultKey);
        try
        {
            return await BackupVault.OpenAsync(Store(address, secrets, creates: false), unlock, RuntimeOf(address), cancellation)
                .ConfigureAwait(false);
        }
        catch (UnusableVaultException) when (previous is not null)
        {
            // It has not heard of the project's new key yet.
            return await BackupVault.OpenAsync(Store(address, secrets, creates: false), previous, RuntimeOf(address), cancellation)
                .ConfigureAwait(false);
        }
    }

    VaultRuntime RuntimeOf(VaultAddress address) =>
        address.HoldDays is { } days ? runtime with { HoldsFor = TimeSpan.FromDays(days) } : runtime;

    /// <summary>All that goes over it is paid for at the rates that the worker's tasks share.</summary>
    public IObjectStore Store(VaultAddress address, WorkSecrets secrets, bool creates)
    {
        var store = OpenStore(address, secrets, creates);
        if (around is not null) store = around(store);
        return _rates == SharedRates.None ? store : new ThrottlingStore(store, _rates.Send, _rates.Receive);
    }

    IObjectStore OpenStore(VaultAddress address, WorkSecrets secrets, bool creates)
    {
        RequireAllowed(address);
        return StoreLocation.Open(address.Address, OptionsOf(address, secrets, creates));
    }

    // Whoever made the location was looked at too; but only here it is known what links lead to.
    void RequireAllowed(VaultAddress address)
    {
        var fault = IsFolder(address) ? _places.Folders?.FaultOf(address.Address, FileIdentity.RealPath)
            : _places.Endpoints?.FaultOf(address.Endpoint, address.S3Region);
        if (fault is not null) throw new RefusedException($"{address.Address} is not used: {fault}");
    }

    public static bool IsFolder(VaultAddress address) => !address.Address.Contains("://", StringComparison.Ordinal);

    StoreOptions OptionsOf(VaultAddress address, WorkSecrets secrets, bool creates) => new()
    {
        CreateFolder = creates,
        Retries = retries,
        Clock = runtime.Clock,
        Variable = name => name switch
        {
            "AWS_ACCESS_KEY_ID" => secrets.AccessKey,
            "AWS_SECRET_ACCESS_KEY" => secrets.SecretKey,
            "AWS_ENDPOINT_URL_S3" => address.Endpoint,
            "AWS_REGION" => address.S3Region,
            _ => null,
        },
        AddressFault = _places.Endpoints?.AddressFault(address.Endpoint, address.S3Region),
    };

    /// <summary>Whether there is a vault.</summary>
    public async Task<bool> IsThereAsync(VaultAddress address, WorkSecrets secrets, CancellationToken cancellation)
    {
        RequireAllowed(address);
        if (IsFolder(address) && !Directory.Exists(address.Address)) return false;
        var store = Store(address, secrets, creates: false);
        await using var closing = store.ConfigureAwait(false);
        return await store.ExistsAsync(ObjectNames.Header, cancellation).ConfigureAwait(false);
    }
}
