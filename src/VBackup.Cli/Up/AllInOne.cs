using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using VBackup.Cli.Edge;
using VBackup.Cli.Up.Settings;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Keys;
using VBackup.Contracts.Limits;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Messages;
using VBackup.Edge;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Platform.Secrets;
using VBackup.Portal;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Notifications;
using VBackup.Portal.Plans;
using VBackup.Portal.Restores;
using VBackup.Portal.Web;
using VBackup.Primitives;
using VBackup.Service;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Service.Work;
using VBackup.Snapshots;
using VBackup.Vault;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Worker;

namespace VBackup.Cli.Up;

/// <summary>All services in one process: a database file each, messages handed over within the process, one region, one worker.</summary>
sealed class AllInOne : IAsyncDisposable
{
    const string Region = "local", FirstLocation = "local";
    static readonly TimeSpan s_messages = TimeSpan.FromMilliseconds(200), s_clockwork = TimeSpan.FromSeconds(1),
        s_farewell = TimeSpan.FromSeconds(5);

    readonly DataFolder _data;
    readonly MasterKey _master;
    readonly EdgeCloud _cloud;
    readonly CloudLog _notes;
    readonly UpSettings _settings;
    readonly LocationPlaces _places;
    readonly WebhookSender _webhooks;
    readonly WebApplication _app;
    readonly IdSource _ids = new(TimeProvider.System, RandomNumberGenerator.Fill);
    readonly SqliteDatabase<PortalDb> _portalDb;
    readonly SqliteDatabase<BackupDb> _backupDb;
    readonly SqliteDatabase<SnapshotsDb> _snapshotsDb;
    readonly ChangeMaker<PortalDb> _portal;
    readonly ChangeMaker<BackupDb> _backup;
    readonly ChangeMaker<SnapshotsDb> _snapshots;
    readonly ProjectSecrets _secrets;
    WorkerId _worker;

    AllInOne(TakenAddress address, DataFolder data, MasterKey master, EdgeCloud cloud, CloudLog notes, SettingsInUse settings)
    {
        (_data, _master, _cloud, _notes, _settings) = (data, master, cloud, notes, settings.Values);
        _places = new(data.FoldersOf(_settings.Worker.LocationRoots), _settings.Worker.Endpoints());
        _portalDb = new(data.PortalDatabase, options => new(options));
        _backupDb = new(data.BackupDatabase, options => new(options));
        _snapshotsDb = new(data.SnapshotsDatabase, options => new(options));
        _portal = new(_portalDb, _ids, TimeProvider.System);
        _backup = new(_backupDb, _ids, TimeProvider.System);
        _snapshots = new(_snapshotsDb, _ids, TimeProvider.System);
        _secrets = new(master);
        _app = Build(address, settings.Configuration);
        _webhooks = new(_settings.Webhooks.Settings(), _app.Services.GetRequiredService<WebhookSecrets>(), TimeProvider.System);
    }

    /// <summary>Where the API listens.</summary>
    public string Address =>
        _app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First();

    ILogger Log => _app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("vbackup");

    /// <summary>Of the first administrator, until he has signed in; then null.</summary>
    public string? OneTimePassword { get; private set; }

    /// <param name="address">The caller's, who keeps it for as long as the system runs.</param>
    /// <param name="data">Its owner from here on.</param>
    public static async Task<AllInOne> OpenAsync(TakenAddress address, DataFolder data, SettingsInUse settings,
        CancellationToken cancellation)
    {
        MasterKey? master = null;
        try
        {
            master = data.OpenMasterKey();
            var notes = new CloudLog();
            var cloud = settings.Values.Cloud is not { } config ? SampleCloud.Open(data.Cloud)
                : await CloudConfig.OpenAsync(config, notes, cancellation).ConfigureAwait(false);
            var up = new AllInOne(address, data, master, cloud, notes, settings);
            notes.WriteTo(up.Log);
            return up;
        }
        catch
        {
            master?.Dispose();
            data.Dispose();
            throw;
        }
    }

    WebApplication Build(TakenAddress address, IConfiguration configuration)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = Environments.Production });
        // Not the files and variables of ASP.NET: whatever lies in the folder from which it is started could open another listener.
        ((IConfigurationBuilder)builder.Configuration).Sources.Clear();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(_settings.Endpoint(), UnreadableRequests.Watch);
            kestrel.AddServerHeader = false;
            // Open pages hold theirs upgraded, which are counted apart.
            kestrel.Limits.MaxConcurrentConnections = _settings.Api.ConnectionsAtOnce;
            kestrel.Limits.MaxConcurrentUpgradedConnections = _settings.Api.ConnectionsAtOnce;
        });
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.CreateBoundListenSocket = _ => address.Socket);
        builder.Logging.ClearProviders().SetMinimumLevel(_settings.Logging.LogLevel.Default)
            .AddConfiguration(configuration.GetSection(nameof(UpSettings.Logging)))
            // Why a start fails is said by whoever started it, in a line; a start that was broken off is no failure.
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None)
            .AddSimpleConsole(console => console.SingleLine = true);
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console =>
            console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.AddSingleton<IDbContextFactory<PortalDb>>(_portalDb).AddSingleton(_ids)
            .AddSingleton(TimeProvider.System).AddSingleton(_portal)
            .AddSingleton<ILocationRegistry>(new LocationRegistry(_backup, _secrets, _places)).AddSingleton(_master)
            .AddSingleton<IProjectKeys>(new ProjectKeys(_backup, _secrets))
            .AddSingleton<IDeadLetters>(new OutboxDeadLetters<BackupDb>("backup", _backup))
            .AddSingleton<IDeadLetters>(new OutboxDeadLetters<SnapshotsDb>("snapshots", _snapshots));
        builder.Services.AddPortalApi(_settings.PortalApi());
        builder.Services.AddPortalPages();
        // What is open then is ended: tasks have had their time before.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = s_farewell);
        var app = builder.Build();
        if (ForwardedHeaders() is { } proxies) app.UseForwardedHeaders(proxies);
        app.UsePortalApi();
        app.UsePortalPages();
        app.MapPortalApi();
        app.MapPortalPages();
        return app;
    }

    /// <summary>Null where nobody's word is taken.</summary>
    ForwardedHeadersOptions? ForwardedHeaders()
    {
        var options = new ForwardedHeadersOptions { ForwardedHeaders = Microsoft.AspNetCore.HttpOverrides.ForwardedHeaders.XForwardedFor,
            ForwardLimit = null };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var network in _settings.Api.TrustedProxies()) options.KnownIPNetworks.Add(network);
        return options.KnownIPNetworks.Count > 0 ? options : null;
    }

    /// <summary>Makes what is not there yet, and answers.</summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        await _portalDb.PrepareAsync(PortalDb.SchemaVersion, cancellation).ConfigureAwait(false);
        await _backupDb.PrepareAsync(BackupDb.SchemaVersion, cancellation).ConfigureAwait(false);
        await _snapshotsDb.PrepareAsync(SnapshotsDb.SchemaVersion, cancellation).ConfigureAwait(false);
        OneTimePassword = await FirstAdministrator.EnsureAsync(_portal, _app.Services.GetRequiredService<Passwords>(), cancellation)
            .ConfigureAwait(false);
        var project = await PortalStart.EnsureAsync(_portal, Region, cancellation).ConfigureAwait(false);
        _worker = await Workers.EnsureAsync(_backup, Region, Environment.MachineName, cancellation).ConfigureAwait(false);
        // Whoever had the data folder before this process is over, or the folder's lock would not be held.
        await Workers.StartAnewAsync(_backup, _worker, cancellation).ConfigureAwait(false);
        // A project that had one once, whatever became of it, has chosen for itself.
        if (!await _backup.MakeAsync(change => change.Db.Locations.AnyAsync(one => one.Project == project, cancellation), cancellation)
            .ConfigureAwait(false))
            await MakeFirstLocationAsync(project, cancellation).ConfigureAwait(false);
        // Nobody is answered before all is there that answers need.
        await _app.StartAsync(cancellation).ConfigureAwait(false);
    }

    async Task MakeFirstLocationAsync(ProjectId project, CancellationToken cancellation)
    {
        Directory.CreateDirectory(_data.Location);
        // The same id at every start.
        var made = await _app.Services.GetRequiredService<ILocationRegistry>().CreateAsync(LocationId.From(project.Value),
            new(project, Region, FirstLocation,
            LocationKindView.FileSystem, _data.Location, null, null, null, null, null, 0, IsDefault: true), cancellation)
                .ConfigureAwait(false);
        if (made.Reason is { } reason) throw new RefusedException($"the first location could not be made: {reason}");
    }

    /// <summary>Works until it is told to stop. Tasks that are under way then may go on for a little, and are given
    /// back.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _app.Lifetime.ApplicationStopping);
        await Task.WhenAll(Loops(Log).Select(loop => loop.RunAsync(stop.Token))).ConfigureAwait(false);
        await _app.StopAsync(CancellationToken.None).ConfigureAwait(false);
    }

    IEnumerable<WorkLoop> Loops(ILogger log)
    {
        var transport = new InProcessTransport();
        transport.Connect(Destination.Portal, new MessageEndpoint<PortalDb>(_portal, PortalMessages.Handlers()));
        transport.Connect(Destination.Backup, new MessageEndpoint<BackupDb>(_backup, BackupMessages.Handlers()));
        transport.Connect(Destination.Snapshots(Region), new MessageEndpoint<SnapshotsDb>(_snapshots, SnapshotOrders.Handlers(Region)));
        yield return Pump(_portalDb, "the Portal's messages");
        yield return Pump(_backupDb, "the vBackup service's messages");
        yield return Pump(_snapshotsDb, "the vSnapshot service's messages");

        var plans = new PlanClockwork(_portal);
        var clockwork = new Clockwork(_backup, _settings.QuietHours.Limits());
        var notifications = new NotificationDelivery(_portal, _webhooks, new(_settings.Smtp.Settings(), TimeProvider.System));
        var snapshotLimits = new SnapshotLimits { Caps = _settings.Snapshots.Caps() };
        var snapshots = new SnapshotWork(_snapshots, _cloud, snapshotLimits, _notes);
        yield return Every(s_clockwork, "plans", plans.TurnAsync);
        yield return Every(s_clockwork, "scheduled restores", new RestoreClockwork(_portal).TurnAsync);
        yield return new("notifications", s_clockwork, notifications.TurnAsync, TimeProvider.System, log);
        yield return Every(s_clockwork, "runs and tasks", clockwork.TurnAsync);
        yield return Every(s_clockwork, "snapshots whose days are over", snapshots.ExpireAsync);
        for (var i = 0; i < snapshotLimits.StepsAtOnce; i++)
            yield return new("a step of a snapshot", s_messages, snapshots.DoOneAsync, TimeProvider.System, log);

        var budget = _settings.Worker.Budget();
        var runner = new TaskRunner(new WorkSource(_backup, _settings.Tasks.Limits(), _secrets), _worker, _cloud,
            new(new VaultRuntime(), FormatLimits.ChunkSizeDefault, RetryLimits.Patient, SharedRates.Of(budget, TimeProvider.System),
                places: _places),
            TimeProvider.System, budget, new(_settings.Worker.ImageFolder));
        for (var i = 0; i < budget.TasksAtOnce; i++)
            yield return new("a worker's task", s_clockwork, runner.RunOneAsync, TimeProvider.System, log);
        var inventory = TimeSpan.FromSeconds(_settings.Worker.InventorySeconds);
        var survey = new SnapshotSurvey(_snapshots, _cloud, Region, snapshotLimits);
        yield return new("the survey of snapshots", inventory, survey.TurnAsync, TimeProvider.System, log);
        yield return Every(inventory, "the inventory", runner.ReportServersAsync);

        WorkLoop Pump<TDb>(IDbContextFactory<TDb> databases, string name) where TDb : ServiceDb =>
            new(name, s_messages, new OutboxPump<TDb>(databases, transport, TimeProvider.System).SendDueAsync, TimeProvider.System, log);

        WorkLoop Every(TimeSpan pause, string name, Func<CancellationToken, Task> work) => new(name, pause, async stop =>
        {
            await work(stop).ConfigureAwait(false);
            return false;
        }, TimeProvider.System, log);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync().ConfigureAwait(false);
        _webhooks.Dispose();
        await _cloud.DisposeAsync().ConfigureAwait(false);
        _master.Dispose();
        _data.Dispose();
    }
}
