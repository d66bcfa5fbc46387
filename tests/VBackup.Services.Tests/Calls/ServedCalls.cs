using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using VBackup.Calls;
using VBackup.Calls.Calling;
using VBackup.Calls.Serving;
using VBackup.Contracts.Access;
using VBackup.Contracts.Keys;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Work;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;

namespace VBackup.Services.Tests.Calls;

/// <summary>The vBackup service's calls, as another process reaches them: over HTTP/2 on loopback, at a port that was free.</summary>
sealed class ServedCalls : IAsyncDisposable
{
    public const string ServiceCredential = "the-credential-that-the-services-show-each-other";

    readonly WebApplication _app;
    readonly CallListener _listener;
    readonly List<CallChannel> _opened = [];

    ServedCalls(WebApplication app, CallListener listener, HeardLog log) => (_app, _listener, Log) = (app, listener, log);

    /// <summary>What it logs, and what the libraries do.</summary>
    public HeardLog Log { get; }

    public IServiceProvider Services => _app.Services;

    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    /// <param name="ports">What is called.</param>
    /// <param name="listener">In place of one on loopback.</param>
    /// <param name="isOlder">It knows no call.</param>
    public static async Task<ServedCalls> StartAsync(
        Action<IServiceCollection> ports, CallListener? listener = null, CallLimits? limits = null, bool isOlder = false)
    {
        var at = listener ?? CallListener.Open(new(IPAddress.Loopback, 0));
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(at.AddTo);
        var log = new HeardLog();
        builder.Logging.ClearProviders().AddProvider(log).SetMinimumLevel(LogLevel.Trace);
        builder.Services.AddCalls(limits).AddSingleton(new ServiceCredential(ServiceCredential));
        ports(builder.Services);
        var app = builder.Build();
        if (!isOlder) app.MapCalls();
        var served = new ServedCalls(app, at, log);
        await app.StartAsync();
        return served;
    }

    /// <summary>A world's own vBackup service.</summary>
    public static Task<ServedCalls> OfAsync(ServiceWorld world, IWorkSource? source = null)
    {
        var access = new WorkerAccess(world.Backup);
        return StartAsync(services => services
            .AddSingleton(source ?? world.Source)
            .AddSingleton<ILocationRegistry>(new LocationRegistry(world.Backup, world.Secrets))
            .AddSingleton<IProjectKeys>(new ProjectKeys(world.Backup, world.Secrets))
            .AddSingleton<IWorkerAccess>(access).AddSingleton<IEnrolment>(access).AddSingleton<IWorkerGate>(access));
    }

    /// <summary>A line to it, which ends with it.</summary>
    public CallChannel Open(string? credential, CallLimits? limits = null, string? authorityFile = null)
    {
        // A certificate's name is the one that it is called by.
        var channel = CallChannel.Open($"{Address.Scheme}://127.0.0.1:{Address.Port}", credential, TimeProvider.System, authorityFile,
            limits);
        _opened.Add(channel);
        return channel;
    }

    /// <summary>A worker of the region that has enrolled as workers do.</summary>
    public async Task<(EnrolledWorker Worker, CallChannel Line)> EnrolAsync(string name = "worker")
    {
        var token = await Open(ServiceCredential).Workers.MakeTokenAsync(ServiceWorld.Region, TimeSpan.FromHours(1), default);
        var worker = (await Open(null).Enrolment.EnrolAsync(token.Text, name, default))!;
        return (worker, Open(worker.Credential));
    }

    /// <summary>It dies: whoever calls hears nothing any more.</summary>
    public Task DieAsync() => _app.StopAsync(new CancellationToken(canceled: true));

    public async ValueTask DisposeAsync()
    {
        foreach (var channel in _opened) channel.Dispose();
        await _app.DisposeAsync();
        _listener.Dispose();
    }
}

/// <summary>All that is logged.</summary>
sealed class HeardLog : ILoggerProvider, ILogger
{
    readonly Lock _lock = new();
    readonly List<string> _lines = [];

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lock) return [.. _lines];
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        lock (_lock) _lines.Add($"{formatter(state, exception)} {exception}");
    }

    public void Dispose()
    {
        // What was heard stays.
    }
}
