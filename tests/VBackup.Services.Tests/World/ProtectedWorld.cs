using Microsoft.EntityFrameworkCore;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Portal;
using VBackup.Portal.Identity;
using VBackup.Portal.Plans;
using VBackup.Portal.Points;
using VBackup.Portal.Policies;
using VBackup.Portal.Restores;
using VBackup.Portal.Runs;
using VBackup.Service.Locations;

namespace VBackup.Services.Tests.World;

/// <summary>All services: the Portal decides what is due. Time passes when a test says so.</summary>
sealed class ProtectedWorld : IAsyncDisposable
{
    readonly PlanClockwork _plans;
    readonly RestoreClockwork _restores;
    readonly OutboxPump<PortalDb> _pump;

    ProtectedWorld(ServiceWorld services, IServiceDatabase<PortalDb> database)
    {
        Services = services;
        Portal = new(database, services.Ids, services.Clock);
        _plans = new(Portal);
        _restores = new(Portal);
        _pump = new(database, services.Transport, services.Clock);
    }

    public ServiceWorld Services { get; }
    public ChangeMaker<PortalDb> Portal { get; }
    public LocationRegistry Locations { get; private set; } = null!;
    public ProjectId Project => Services.Project;

    public static async Task<ProtectedWorld> MakeAsync(Func<string, IWorldDatabases>? databases = null)
    {
        var services = await ServiceWorld.MakeAsync(databases: databases);
        try
        {
            var database = await services.Databases.MakeAsync<PortalDb>("portal", PortalDb.SchemaVersion, options => new(options));
            var world = new ProtectedWorld(services, database);
            await world.BuildAsync();
            return world;
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }
    }

    async Task BuildAsync()
    {
        Locations = new(Services.Backup, Services.Secrets);
        Services.Portal.Real = new MessageEndpoint<PortalDb>(Portal, PortalMessages.Handlers());
        Services.AlsoSettles = async () =>
        {
            await _pump.SendDueAsync(default);
            return await Portal.MakeAsync(change => change.Db.Outbox.AnyAsync(message => message.NextAttemptAt <= change.Now), default);
        };
        await Portal.MakeAsync(async change =>
        {
            change.Db.Regions.Add(new(ServiceWorld.Region, Project));
            change.Db.Add(new Project(Project, "shop", change.Now));
            await SystemPolicies.EnsureAsync(change, default);
        }, default);
        Assert(await Locations.CreateAsync(Services.Ids.New<LocationId>(), NewLocation("vault", isDefault: true), default));
        await Services.SettleAsync();
    }

    public Contracts.Locations.NewLocation NewLocation(string name, bool isDefault = false)
    {
        Directory.CreateDirectory(Services.Path(name));
        return new(Project, ServiceWorld.Region, name, LocationKindView.FileSystem, Services.Path(name), null, null, null, null, null, 0,
            isDefault);
    }

    static void Assert(Contracts.Locations.LocationAnswer answer) => Xunit.Assert.Null(answer.Reason);

    public static T Done<T>(Answer<T> answer)
    {
        Xunit.Assert.Null(answer.Refusal);
        return answer.Value;
    }

    /// <summary>A server of the lab cloud that the Portal knows.</summary>
    public async Task<ServerRef> AddServerAsync(string name, params (string Disk, byte[] Content)[] disks)
    {
        var server = await Services.AddServerAsync(name, disks);
        await ReportAsync();
        return server;
    }

    /// <summary>The region's worker tells which servers there are.</summary>
    public async Task ReportAsync()
    {
        await Services.Worker.ReportServersAsync(default);
        await Services.SettleAsync();
    }

    public Task<PolicyRow> NewPolicyAsync(string name, PolicyRules rules) =>
        Portal.MakeAsync(async change => Done(await PolicyUse.CreateAsync(change, Project, name, rules, default)), default);

    public Task<Plan> ProtectAsync(ServerRef server, PlanWish wish) =>
        Portal.MakeAsync(async change => Done(await PlanUse.CreateAsync(change, Project, server, wish, default)), default);

    public Task<Plan> ChangeAsync(Plan plan, PlanWish wish) =>
        Portal.MakeAsync(async change => Done(await PlanUse.ChangeAsync(change, Project, plan.Id, wish, default)), default);

    public Task<Answer<RunId>> BackUpNowAsync(ServerRef server) =>
        Portal.MakeAsync(change => PlanUse.BackUpNowAsync(change, Project, server, default), default);

    /// <summary>Time passes, and everybody does what there is to do.</summary>
    public async Task PassAsync(TimeSpan time)
    {
        Services.Clock.Advance(time);
        await TurnAsync();
    }

    public async Task TurnAsync()
    {
        // What comes of a run can make points go, and what goes gives work to a worker.
        for (var turn = 0; turn < 2; turn++)
        {
            await _plans.TurnAsync(default);
            await _restores.TurnAsync(default);
            await Services.Clockwork.TurnAsync(default);
            await Services.SettleAsync();
        }
    }

    public Task<List<PointRow>> PointsAsync(RestorePointState state = RestorePointState.Active) => Portal.MakeAsync(
        change => change.Db.Points.Where(point => point.State == state).OrderBy(point => point.DueAt).ToListAsync(), default);

    public Task<List<RunRow>> RunsAsync() => Portal.MakeAsync(change => change.Db.Runs.OrderBy(run => run.Id).ToListAsync(), default);

    public Task<List<AskedRun>> AskedAsync() => Portal.MakeAsync(change => change.Db.AskedRuns.OrderBy(run => run.DueAt).ToListAsync(),
        default);

    public Task<Plan> PlanAsync(PlanId id) => Portal.MakeAsync(async change => (await change.Db.Plans.FindAsync(id))!, default);

    /// <summary>What the volume of a point holds, by restoring it.</summary>
    public async Task<byte[]> RestoreAsync(RestorePointId point, string volume, string name)
    {
        var run = Services.Ids.New<RunId>();
        await Services.TellBackupAsync(new StartRestore(run, Project, point, RestoreTarget.NewVolume, name, volume, false,
            RunTrigger.Manual),
            MessageJson.Default.StartRestore);
        await Services.SettleAsync();
        Xunit.Assert.Null(Services.Portal.Run(run).Error);
        return await File.ReadAllBytesAsync(Services.VolumePath(name));
    }

    public ValueTask DisposeAsync() => Services.DisposeAsync();
}
