using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Edge.Restores;
using VBackup.Vault.Format;

namespace VBackup.Cli.Edge;

/// <summary><c>vbackup edge snapshots</c>: those of a server's volumes that backups and restores made.</summary>
static class ServerSnapshots
{
    static readonly Option<string> s_server = new("--server") { HelpName = "NAME", Required = true, Description = "The server." };
    static readonly Argument<string> s_name = new("SNAPSHOT") { Description = "A snapshot's name." };

    static readonly Option<bool> s_evenIfBase = new("--even-if-base")
    { Description = "Remove it also when the next backup into another vault may build on it; that one is full then." };

    enum VaultNeed
    {
        None,
        IfAny,
        Required,
    }

    public static Command Define()
    {
        var release = Define("release", "Remove a snapshot.", VaultNeed.IfAny, name: true, ReleaseAsync);
        release.Add(s_evenIfBase);
        return new("snapshots", "List, roll back to, and release snapshots of a server's volumes.")
        {
            Define("list", "List the snapshots of a server's volumes; with a vault, what they are to it.", VaultNeed.IfAny, name: false,
                ListAsync),
            Define("orphans", "List those that no point in this vault was made of.", VaultNeed.Required, name: false, OrphansAsync),
            release,
            Define("rollback", "Make the volumes of a server that is shut down what they were.", VaultNeed.None, name: true,
                RollBackAsync),
        };
    }

    sealed record Request(EdgeCloud Cloud, Server Server, IReadOnlyList<VolumeId> Volumes, VaultAccess? Vault, string? Name,
        bool IsEvenIfBase, Screen Screen);

    static Command Define(string verb, string description, VaultNeed vault, bool name, Func<Request, CancellationToken, Task> work)
    {
        var command = new Command(verb, description);
        if (name) command.Add(s_name);
        CloudConfig.AddOption(command);
        command.Add(s_server);
        if (vault == VaultNeed.Required) VaultAccess.AddOptions(command);
        if (vault == VaultNeed.IfAny) VaultAccess.AddOptionsIfAny(command);
        command.SetAction(async (parsed, stop) =>
        {
            var access = vault switch
            {
                VaultNeed.Required => VaultAccess.Read(parsed),
                VaultNeed.IfAny => VaultAccess.ReadIfAny(parsed),
                _ => null,
            };
            var cloud = await CloudConfig.OpenAsync(CloudConfig.Read(parsed), Screen.Of(parsed), stop).ConfigureAwait(false);
            await using var closing = cloud.ConfigureAwait(false);
            var server = parsed.GetRequiredValue(s_server);
            var found = await cloud.Hypervisor.FindAsync(server, stop).ConfigureAwait(false)
                ?? throw new RefusedException($"there is no server {server}: 'vbackup server list' shows them");
            await work(new(cloud, found, [.. found.Disks.Select(disk => disk.Volume)], access,
                name ? parsed.GetRequiredValue(s_name) : null, parsed.GetValue(s_evenIfBase), Screen.Of(parsed)), stop)
                .ConfigureAwait(false);
            return ExitStatus.Done;
        });
        return command;
    }

    static async Task ListAsync(Request request, CancellationToken stop)
    {
        var unfinished = await UnfinishedRestores.FindAsync(request.Cloud.Storage, request.Volumes, stop).ConfigureAwait(false);
        if (unfinished.Count > 0) request.Screen.Note(UnfinishedRestores.Describe(unfinished));
        var (vault, earlier) = await LookIntoVaultAsync(request, stop).ConfigureAwait(false);
        SnapshotList.Show(await request.Cloud.Storage.Snapshots.ListAsync(request.Volumes, stop).ConfigureAwait(false),
            instant => SnapshotUse.Of(instant, vault, earlier), request.Screen, [.. unfinished.Select(one => one.Note.SafetySnapshot)]);
    }

    // A backup that is running has a snapshot that no point names yet: it is one too, until it is over.
    static async Task OrphansAsync(Request request, CancellationToken stop)
    {
        var (vault, earlier) = await LookIntoVaultAsync(request, stop).ConfigureAwait(false);
        var all = await request.Cloud.Storage.Snapshots.ListAsync(request.Volumes, stop).ConfigureAwait(false);
        SnapshotList.Show([.. all.Where(instant => instant.Name.StartsWith(BackupSnapshotName.Prefix, StringComparison.Ordinal)
            && !earlier!.Instants.Contains(instant.Name))], instant => SnapshotUse.Of(instant, vault, earlier), request.Screen,
            waysBack: []);
    }

    /// <summary>Nothing when no vault was given.</summary>
    static async Task<(VaultId? Vault, EarlierPoints? Earlier)> LookIntoVaultAsync(Request request, CancellationToken stop)
    {
        if (request.Vault is null) return default;
        var vault = await request.Vault.OpenAsync(stop).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
            return (vault.Header.VaultId, await EarlierPoints.OfAsync(vault, request.Server.Id, stop).ConfigureAwait(false));
    }

    static async Task ReleaseAsync(Request request, CancellationToken stop)
    {
        var instant = await RequireAsync(request, stop).ConfigureAwait(false);
        var (vault, earlier) = await LookIntoVaultAsync(request, stop).ConfigureAwait(false);
        var use = SnapshotUse.Of(instant, vault, earlier);
        if (!request.IsEvenIfBase && use.Base is BaseOf.AnotherVault or BaseOf.SomeVault)
            throw MayBeBase(instant, use, vault is not null);
        await UnfinishedRestores.RequireNotNeededAsync(request.Cloud.Storage, request.Name!, request.Volumes, stop).ConfigureAwait(false);
        await request.Cloud.Storage.Snapshots.RemoveAsync(request.Name!, request.Volumes, stop).ConfigureAwait(false);
        request.Screen.Event(new DoneEvent(), EventJson.Default.DoneEvent);
        request.Screen.Line($"removed the snapshot {request.Name}"
            + (use.IsNext ? ", which was the base of the next backup into this vault: that one will be full" : ""));
    }

    static RefusedException MayBeBase(Instant instant, SnapshotUse use, bool hasVault)
    {
        var (whose, key) = use.Base == BaseOf.AnotherVault ? ($"the vault {use.Vault}…", "give its --vault and key")
            : hasVault ? ("another vault", "give the --vault and key of the one that it belongs to")
            : ("some vault", "give the --vault and key of the one that it belongs to");
        return new($"{instant.Name} may be the base of the next backup into {whose}, which would be full without it: {key}, or "
            + "--even-if-base to remove it all the same");
    }

    static async Task RollBackAsync(Request request, CancellationToken stop)
    {
        if (request.Server.State is not ServerState.Shutdown)
            throw new RefusedException($"server {request.Server.Name} runs: stop it first");
        var instant = await RequireAsync(request, stop).ConfigureAwait(false);
        // A disk that was detached since may be another server's.
        if (instant.Volumes.FirstOrDefault(volume => !request.Volumes.Contains(volume)) is { Value: not null } other)
            throw new RefusedException($"{other} is no disk of server {request.Server.Name} any more: nothing was rolled back");
        await UnfinishedRestores.RollBackAsync(request.Cloud, request.Server, instant.Name, instant.Volumes, request.Screen, stop)
            .ConfigureAwait(false);
        request.Screen.Event(new DoneEvent(), EventJson.Default.DoneEvent);
        request.Screen.Line($"the volumes are as they were at {instant.TakenAt:u}; the next backup will be full by itself");
    }

    static async Task<Instant> RequireAsync(Request request, CancellationToken stop) =>
        (await request.Cloud.Storage.Snapshots.ListAsync(request.Volumes, stop).ConfigureAwait(false))
            .FirstOrDefault(one => one.Name == request.Name)
        ?? throw new RefusedException($"server {request.Server.Name} has no snapshot {request.Name}: 'vbackup edge snapshots list' shows "
            + "them");
}
