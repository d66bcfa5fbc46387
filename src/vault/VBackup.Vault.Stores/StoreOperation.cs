namespace VBackup.Vault.Stores;

/// <summary>The operations of an <see cref="IObjectStore"/> and its writers.</summary>
public enum StoreOperation
{
    /// <summary><see cref="IObjectStore.PutAsync"/></summary>
    Put,
    /// <summary><see cref="IObjectStore.CreateOnceAsync"/></summary>
    CreateOnce,
    /// <summary><see cref="IObjectStore.CanCreateOnceAsync"/></summary>
    CanCreateOnce,
    /// <summary><see cref="IObjectStore.OpenWriterAsync"/></summary>
    OpenWriter,
    /// <summary><see cref="IObjectWriter.AppendAsync"/></summary>
    Append,
    /// <summary><see cref="IObjectWriter.CommitAsync"/></summary>
    Commit,
    /// <summary><see cref="IObjectStore.ReadAsync"/></summary>
    Read,
    /// <summary><see cref="IObjectStore.ReadTailAsync"/></summary>
    ReadTail,
    /// <summary><see cref="IObjectStore.GetAsync"/></summary>
    Get,
    /// <summary><see cref="IObjectStore.ExistsAsync"/></summary>
    Exists,
    /// <summary><see cref="IObjectStore.ListAsync"/></summary>
    List,
    /// <summary><see cref="IObjectStore.DeleteAsync"/></summary>
    Delete,
    /// <summary><see cref="IObjectStore.ListUnfinishedAsync"/></summary>
    ListUnfinished,
    /// <summary><see cref="IObjectStore.DiscardUnfinishedAsync"/></summary>
    DiscardUnfinished,
    /// <summary><see cref="IObjectStore.FindKeptVersionsAsync"/></summary>
    FindKeptVersions,
    /// <summary><see cref="IObjectStore.CanHoldAsync"/></summary>
    CanHold,
    /// <summary><see cref="IObjectStore.FindHoldAsync"/></summary>
    FindHold,
    /// <summary><see cref="IObjectStore.HoldAsync"/></summary>
    Hold,
}

static class StoreOperationVerb
{
    /// <summary>The word that a <see cref="StoreException"/> uses.</summary>
    public static string Verb(this StoreOperation operation) => operation switch
    {
        StoreOperation.Put => "put",
        StoreOperation.CreateOnce => "create",
        StoreOperation.CanCreateOnce => "try to create",
        StoreOperation.OpenWriter or StoreOperation.Append => "write",
        StoreOperation.Commit => "commit",
        StoreOperation.Read or StoreOperation.ReadTail or StoreOperation.Get => "read",
        StoreOperation.Exists => "look for",
        StoreOperation.List => "list",
        StoreOperation.Delete => "delete",
        StoreOperation.ListUnfinished => "list unfinished",
        StoreOperation.DiscardUnfinished => "discard",
        StoreOperation.FindKeptVersions => "look for versions of",
        StoreOperation.CanHold => "look for object lock of",
        StoreOperation.FindHold => "look for the hold of",
        StoreOperation.Hold => "hold",
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };

    public static StoreException Failed(
        this StoreOperation operation, StoreFailure failure, string name, string reason, Exception? cause = null) =>
        new(failure, operation.Verb(), name, reason, cause);
}
