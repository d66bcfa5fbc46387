using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Edge.Restores;

namespace VBackup.Cli.Edge;

/// <summary><c>vbackup edge snapshots</c>: those of a server's volumes that backups and restores made.</summary>
static class ServerSnapshots
{
    static readonly Option<string> s_server = new("--server") { HelpName = "NAME", Required = true, Description = "The server." };
    static readonly Argument<string> s_name = new("SNAPSHOT") { Description = "A snapshot's name." };

    public static Command Define() => new("snapshots", "List, roll back to, and release snapshots of a server's volumes.")
    {
        Define("list", "List the snapshots of a server's volumes.", vault: false, name: false, ListAsync),
        Define("orphans", "List those that no point in this vault was made of.", vault: true, name: false, OrphansAsync),
        Define("release", "Remove a snapshot.", vault: false, name: true, ReleaseAsync),
        Define("rollback", "Make the volumes of a server that is shut down what they were.", vault: false, name: true, RollBackAsync),
    };

    sealed record Request(EdgeCloud Cloud, Server Server, IReadOnlyList<VolumeId> Volumes, VaultAccess? Vault, string? Name, Screen Screen);

    static Command Define(string verb, string description, bool vault, bool name, Func<Request, CancellationToken, Task> work)
    {
        var command = new Command(verb, description);
        if (name) command.Add(s_name);
        CloudConfig.AddOption(command);
        command.Add(s_server);
        if (vault) VaultAccess.AddOptions(command);
        command.SetAction(async (parsed, stop) =>
        {
            var cloud = await CloudConfig.OpenAsync(CloudConfig.Read(parsed), stop).ConfigureAwait(false);
            await using var closing = cloud.ConfigureAwait(false);
            var server = parsed.GetRequiredValue(s_server);
            var found = await cloud.Hypervisor.FindAsync(server, stop).ConfigureAwait(false)
                ?? throw new RefusedException($"there is no server {server}: 'vbackup server list' shows them");
            await work(new(cloud, found, [.. found.Disks.Select(disk => disk.Volume)], vault ? VaultAccess.Read(parsed) : null,
                name ? parsed.GetRequiredValue(s_name) : null, Screen.Of(parsed)), stop).ConfigureAwait(false);
            return ExitStatus.Done;
        });
        return command;
    }

    static async Task ListAsync(Request request, CancellationToken stop)
    {
        var unfinished = await UnfinishedRestores.FindAsync(request.Cloud.Storage, request.Volumes, stop).ConfigureAwait(false);
        if (unfinished.Count > 0) request.Screen.Note(UnfinishedRestores.Describe(unfinished));
        Show(await request.Cloud.Storage.Snapshots.ListAsync(request.Volumes, stop).ConfigureAwait(false), request.Screen,
            [.. unfinished.Select(one => one.Note.SafetySnapshot)]);
    }

    // A backup that is running has a snapshot that no point names yet: it is one too, until it is over.
    static async Task OrphansAsync(Request request, CancellationToken stop)
    {
        var vault = await request.Vault!.OpenAsync(stop).ConfigureAwait(false);
        await using (vault.ConfigureAwait(false))
        {
            var earlier = await EarlierPoints.OfAsync(vault, request.Server.Id, stop).ConfigureAwait(false);
            var all = await request.Cloud.Storage.Snapshots.ListAsync(request.Volumes, stop).ConfigureAwait(false);
            Show([.. all.Where(instant => instant.Name.StartsWith(EarlierPoints.NamePrefix, StringComparison.Ordinal)
                && !earlier.Instants.Contains(instant.Name))], request.Screen, waysBack: []);
        }
    }

    static async Task ReleaseAsync(Request request, CancellationToken stop)
    {
        await RequireAsync(request, stop).ConfigureAwait(false);
        await UnfinishedRestores.RequireNotNeededAsync(request.Cloud.Storage, request.Name!, request.Volumes, stop).ConfigureAwait(false);
        await request.Cloud.Storage.Snapshots.RemoveAsync(request.Name!, request.Volumes, stop).ConfigureAwait(false);
        request.Screen.Event(new DoneEvent(), EventJson.Default.DoneEvent);
        request.Screen.Line($"removed the snapshot {request.Name}");
    }

    static async Task RollBackAsync(Request request, CancellationToken stop)
    {
        if (request.Server.State is not ServerState.Shutdown)
            throw new RefusedException($"server {request.Server.Name} runs: stop it first");
        var instant = await RequireAsync(request, stop).ConfigureAwait(false);
        // A disk that was detached since may be another server's.
        if (instant.Volumes.FirstOrDefault(volume => !request.Volumes.Contains(volume)) is { Value: not null } other)
            throw new RefusedException($"{other} is no disk of server {request.Server.Name} any more: nothing was rolled back");
        await UnfinishedRestores.RollBackAsync(request.Cloud.Storage, instant.Name, instant.Volumes, stop).ConfigureAwait(false);
        request.Screen.Event(new DoneEvent(), EventJson.Default.DoneEvent);
        request.Screen.Line($"the volumes are as they were at {instant.TakenAt:u}; the next backup will be full by itself");
    }

    static async Task<Instant> RequireAsync(Request request, CancellationToken stop) =>
        (await request.Cloud.Storage.Snapshots.ListAsync(request.Volumes, stop).ConfigureAwait(false))
            .FirstOrDefault(one => one.Name == request.Name)
        ?? throw new RefusedException($"server {request.Server.Name} has no snapshot {request.Name}: 'vbackup edge snapshots list' shows "
            + "them");

    static void Show(IReadOnlyList<Instant> instants, Screen screen, IReadOnlyList<string?> waysBack)
    {
        var table = new TextTable("SNAPSHOT", "TAKEN", "VOLUMES", "");
        foreach (var instant in instants)
        {
            screen.Event(new SnapshotEvent(instant.Name, instant.TakenAt, [.. instant.Volumes.Select(volume => volume.Value)],
                instant.IsComplete),
                EventJson.Default.SnapshotEvent);
            table.Add(instant.Name, $"{instant.TakenAt:u}", string.Join(", ", instant.Volumes), RemarkOn(instant, waysBack));
        }
        screen.Table(table);
    }

    static string RemarkOn(Instant instant, IReadOnlyList<string?> waysBack) =>
        !instant.IsComplete ? "incomplete"
        : !instant.IsReadable ? "base only"
        : waysBack.Contains(instant.Name) ? "before the restore that has not ended" : "";
}
