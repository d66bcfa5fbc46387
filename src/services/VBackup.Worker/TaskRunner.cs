using System.Text.Json;
using VBackup.Clouds;
using VBackup.Clouds.Volumes;
using VBackup.Contracts.Calls;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;
using VBackup.DataPath;
using VBackup.Edge;
using VBackup.Edge.Restores;
using VBackup.Edge.Running;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;

namespace VBackup.Worker;

/// <summary>Takes a task, does it while the lease is kept, and says how it ended.</summary>
public sealed class TaskRunner(
    IWorkSource source, WorkerId worker, EdgeCloud cloud, VaultOpening vaults, TimeProvider clock, WorkerBudget? budget = null,
    ImageFolder? images = null)
{
    const string NothingToSay = "{}";

    readonly WorkerBudget _budget = budget ?? new();
    readonly ImageFolder _images = images ?? new(null);
    readonly DataPathOptions _dataPath = (budget ?? new()).DataPath();

    /// <summary>Does one task, if there is one. To be called as often at once as the budget says.</summary>
    /// <param name="stop">The worker is to end: it takes no task any more. What it has may go on for the budget's time, and is given back
    /// then.</param>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> RunOneAsync(CancellationToken stop)
    {
        var asked = clock.GetTimestamp();
        if (await source.AcquireAsync(worker, stop).ConfigureAwait(false) is not { } lease) return false;
        var report = new LeaseReport();
        using var drained = new Draining(_budget.DrainLimit, clock, stop);
        var held = new HeldLease(source, lease, report, asked, _budget.ReportEvery, clock, drained.Token);
        await using var ending = held.ConfigureAwait(false);
        try
        {
            var result = await DoAsync(lease, report, held).ConfigureAwait(false);
            await source.CompleteAsync(lease.Task, lease.Epoch, result, CancellationToken.None).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (held.Token.IsCancellationRequested)
        {
            // Of a task that was lost, whoever has it now says what becomes of it.
            if (held.IsLost) return true;
            if (held.StopReason is { } reason)
                await source.FailAsync(lease.Task, lease.Epoch, new(reason, MayPass: false, report.OverwroteNothing),
                    CancellationToken.None).ConfigureAwait(false);
            else
                await source.GiveBackAsync(lease.Task, lease.Epoch, "the worker was stopped", CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception failure) when (Describe(failure, lease.Kind) is { } described)
        {
            if (!held.IsLost)
                await source.FailAsync(lease.Task, lease.Epoch, new(described.Reason, described.MayPass, report.OverwroteNothing),
                    CancellationToken.None).ConfigureAwait(false);
        }
        return true;
    }

    public async Task ReportServersAsync(CancellationToken cancellation) => await source.ReportServersAsync(
        worker, await ServerWork.ListAsync(cloud, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);

    async Task<string> DoAsync(WorkLease lease, LeaseReport report, HeldLease held)
    {
        var (json, cancellation) = (WorkJson.Default, held.Token);
        switch (lease.Kind)
        {
            case WorkKind.Export:
                return JsonSerializer.Serialize(await ExportWork.DoAsync(
                    cloud, vaults, Read(lease, json.ExportOrder), lease.Secrets, report, _dataPath, cancellation).ConfigureAwait(false),
                        json.ExportResult);
            case WorkKind.SettleExport:
                return JsonSerializer.Serialize(await ExportWork.SettleAsync(
                    vaults, Read(lease, json.SettleOrder), lease.Secrets, report, cancellation).ConfigureAwait(false), json.SettleResult);
            case WorkKind.Import:
                var import = Read(lease, json.ImportOrder);
                return JsonSerializer.Serialize(await ImportWork.DoAsync(cloud, vaults, import, lease.Secrets, report,
                    Attempt(import.Run, lease, report, held), _dataPath, cancellation).ConfigureAwait(false), json.ImportResult);
            case WorkKind.RemoveUnfinished:
                var unfinished = Read(lease, json.UnfinishedOrder);
                return JsonSerializer.Serialize(await UnfinishedWork.RemoveAsync(cloud, vaults, unfinished, lease.Secrets,
                    Attempt(unfinished.Run, lease, report, held), cancellation).ConfigureAwait(false), json.UnfinishedResult);
            case WorkKind.ExportImage:
                return JsonSerializer.Serialize(await ImageWork.ExportAsync(
                    _images, vaults, Read(lease, json.ExportImageOrder), lease.Secrets, report, _dataPath, cancellation)
                        .ConfigureAwait(false),
                        json.ImageResult);
            case WorkKind.ImportImage:
                var image = Read(lease, json.ImportImageOrder);
                return JsonSerializer.Serialize(await ImageWork.ImportAsync(cloud, _images, image, report,
                    Attempt(image.Run, lease, report, held), cancellation).ConfigureAwait(false), json.ImageResult);
            case WorkKind.StopServer:
                return JsonSerializer.Serialize(
                    await ServerWork.StopAsync(cloud, vaults, Read(lease, json.ServerOrder), lease.Secrets,
                        () => TellServerRunsAsync(lease, report, cancellation), cancellation).ConfigureAwait(false), json.ServerResult);
            case WorkKind.StartServer:
                return JsonSerializer.Serialize(
                    await ServerWork.StartAsync(cloud, Read(lease, json.ServerOrder), cancellation).ConfigureAwait(false),
                        json.ServerResult);
            case WorkKind.Prune:
                return JsonSerializer.Serialize(await VaultWork.PruneAsync(
                    vaults, Read(lease, json.PruneOrder), lease.Secrets, cancellation).ConfigureAwait(false), json.VaultResult);
            case WorkKind.CollectGarbage:
                return JsonSerializer.Serialize(await VaultWork.CollectAsync(
                    vaults, Read(lease, json.VaultOrder), lease.Secrets, cancellation).ConfigureAwait(false), json.VaultResult);
            case WorkKind.Verify:
                return JsonSerializer.Serialize(await VaultWork.VerifyAsync(
                    vaults, Read(lease, json.VaultOrder), lease.Secrets, cancellation).ConfigureAwait(false), json.VaultResult);
            case WorkKind.CheckLocation:
                return JsonSerializer.Serialize(await VaultWork.CheckAsync(
                    vaults, Read(lease, json.VaultOrder), lease.Secrets, cancellation).ConfigureAwait(false), json.VaultResult);
            case WorkKind.SaveCatalogue:
                return JsonSerializer.Serialize(await KeyWork.SaveCatalogueAsync(
                    vaults, Read(lease, json.SaveCatalogueOrder), lease.Secrets, cancellation).ConfigureAwait(false), json.CatalogueResult);
            case WorkKind.RotateKey:
                await KeyWork.RotateAsync(vaults, Read(lease, json.VaultOrder), lease.Secrets, cancellation).ConfigureAwait(false);
                return NothingToSay;
            case WorkKind.EraseKey:
                await KeyWork.EraseAsync(vaults, Read(lease, json.VaultOrder), lease.Secrets, cancellation).ConfigureAwait(false);
                return NothingToSay;
            default:
                throw new RefusedException($"this worker is older than the service: it does not know the task {lease.Kind}");
        }
    }

    static RunAttempt Attempt(RunId run, WorkLease lease, LeaseReport report, HeldLease held) =>
        new(run.Value.ToString("N"), lease.Epoch, () => report.IsLost, held.RequireAsync);

    async Task TellServerRunsAsync(WorkLease lease, LeaseReport report, CancellationToken cancellation)
    {
        report.ServerRuns();
        if (await source.ReportAsync(lease.Task, lease.Epoch, report.Progress, cancellation).ConfigureAwait(false) is not WorkAnswer.GoOn)
            throw new RefusedException("the server is not to be stopped any more");
    }

    static T Read<T>(WorkLease lease, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) where T : class =>
        JsonSerializer.Deserialize(lease.Order, type) ?? throw new RefusedException("the order is empty");

    /// <returns>Null for a fault of our own, which is not to pass for a failure of the surroundings.</returns>
    static (string Reason, bool MayPass)? Describe(Exception failure, WorkKind kind)
    {
        var reason = Aftermath.Of(failure) is { } aftermath ? $"{failure.Message}; {aftermath}" : failure.Message;
        return failure switch
        {
            RefusedException or CallRefusedException or UnusableVaultException => (reason, false),
            DamageException => ($"damage found: {reason}", false),
            StoreException store => (reason, store.Failure is StoreFailure.Transient or StoreFailure.Unreachable or StoreFailure.Held),
            // Whoever takes a snapshot has a volume for a moment, and a client that died is watched for half a minute longer.
            CloudException { Failure: CloudFailure.InUse }
                when kind is WorkKind.StartServer or WorkKind.ImportImage or WorkKind.RemoveUnfinished => (reason, true),
            CloudException clouds => (reason, clouds.Failure is CloudFailure.TimedOut or CloudFailure.Other),
            SessionRevokedException => (reason, true),
            NotAFileException => (reason, false),
            IOException or UnauthorizedAccessException => (reason, true),
            OperationCanceledException => ("no answer in time", true),
            _ => null,
        };
    }
}

/// <summary>Lets work go on for a while after it was asked to end.</summary>
sealed class Draining : IDisposable
{
    readonly CancellationTokenSource _over = new();
    readonly ITimer _timer;
    readonly CancellationTokenRegistration _asked;

    public Draining(TimeSpan limit, TimeProvider clock, CancellationToken stop)
    {
        _timer = clock.CreateTimer(_ => End(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _asked = stop.Register(() => _timer.Change(limit, Timeout.InfiniteTimeSpan));
    }

    void End()
    {
        try
        {
            _over.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The work was over at the same moment.
        }
    }

    /// <summary>Cancelled when the while is over.</summary>
    public CancellationToken Token => _over.Token;

    public void Dispose()
    {
        _asked.Dispose();
        _timer.Dispose();
        _over.Dispose();
    }
}
