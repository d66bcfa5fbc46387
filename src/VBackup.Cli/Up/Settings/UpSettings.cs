using System.Net;
using System.Net.Sockets;
using VBackup.Contracts.Limits;
using VBackup.Portal.Api;
using VBackup.Portal.Notifications;
using VBackup.Service.Locations;
using VBackup.Service.Work;
using VBackup.Worker;

namespace VBackup.Cli.Up.Settings;

/// <summary>All settings of <c>vbackup up</c>, with their defaults; docs/configuration.md has the table. A property's path is the
/// setting's name.</summary>
sealed record UpSettings
{
    public string Data { get; init; } = "vbackup-data";
    public string Listen { get; init; } = "127.0.0.1:8080";
    public string? Cloud { get; init; }
    public ApiSection Api { get; init; } = new();
    public QuietHoursSection QuietHours { get; init; } = new();
    public TasksSection Tasks { get; init; } = new();
    public SnapshotsSection Snapshots { get; init; } = new();
    public WorkerSection Worker { get; init; } = new();
    public SmtpSection Smtp { get; init; } = new();
    public WebhooksSection Webhooks { get; init; } = new();
    public LoggingSection Logging { get; init; } = new();

    /// <summary>REQUIRES: it was looked at.</summary>
    public IPEndPoint Endpoint() => IPEndPoint.Parse(Listen);

    public PortalApiOptions PortalApi() => new()
    {
        RequestsAtOnceMax = Api.RequestsAtOnce,
        RequestsPerPeriod = Api.RequestsPerSecond,
        Snapshots = Snapshots.Caps(),
        HasImageFolder = Worker.ImageFolder is not null,
        Webhooks = Webhooks.Settings(),
    };
}

sealed record ApiSection
{
    public int RequestsAtOnce { get; init; } = 100;
    public int RequestsPerSecond { get; init; } = 20;
    public int ConnectionsAtOnce { get; init; } = 1000;
    public string[]? Proxies { get; init; }

    /// <summary>Whose word is taken for where a request comes from. REQUIRES: it was looked at.</summary>
    public IEnumerable<IPNetwork> TrustedProxies() => (Proxies ?? []).Select(entry => FindProxy(entry)!.Value);

    /// <summary>Null for what is none. Everybody is nobody to trust, and of an address the short forms mean another one than was
    /// meant.</summary>
    public static IPNetwork? FindProxy(string text)
    {
        if (IPNetwork.TryParse(text, out var network)) return network.PrefixLength > 0 ? network : null;
        return IPAddress.TryParse(text, out var address) && (address.AddressFamily != AddressFamily.InterNetwork || $"{address}" == text)
            ? new(address, address.GetAddressBytes().Length * 8) : null;
    }
}

sealed record QuietHoursSection
{
    public TimeOnly From { get; init; } = new(2, 0);
    public TimeOnly To { get; init; } = new(5, 0);
    public int CollectEveryHours { get; init; } = 24;
    public int VerifyEveryDays { get; init; } = 7;

    public StorageSpaceLimits Limits() =>
        new() { From = From, To = To, CollectEvery = TimeSpan.FromHours(CollectEveryHours),
            VerifyEvery = TimeSpan.FromDays(VerifyEveryDays) };
}

sealed record TasksSection
{
    static readonly WorkLimits s_defaults = new();

    public int LeaseSeconds { get; init; } = (int)s_defaults.Lease.TotalSeconds;
    public int PerHypervisor { get; init; } = s_defaults.PerHost;
    public int PerPool { get; init; } = s_defaults.PerPool;
    public int PerLocation { get; init; } = s_defaults.PerLocation;

    public WorkLimits Limits() => new()
    { Lease = TimeSpan.FromSeconds(LeaseSeconds), PerHost = PerHypervisor, PerPool = PerPool, PerLocation = PerLocation };
}

sealed record SnapshotsSection
{
    static readonly SnapshotCaps s_defaults = new();

    public int PerVolume { get; init; } = s_defaults.PerVolume;
    public int PerPool { get; init; } = s_defaults.PerPool;
    public int PerRegion { get; init; } = s_defaults.PerRegion;

    public SnapshotCaps Caps() => new() { PerVolume = PerVolume, PerPool = PerPool, PerRegion = PerRegion };
}

sealed record WorkerSection
{
    const long Mebibyte = 1 << 20;
    static readonly WorkerBudget s_defaults = new();

    public int TasksAtOnce { get; init; } = s_defaults.TasksAtOnce;
    public int MemoryMebibytes { get; init; } = (int)(s_defaults.MemoryBytes / Mebibyte);
    public int? SendMebibytesPerSecond { get; init; }
    public int? ReceiveMebibytesPerSecond { get; init; }
    public int DrainSeconds { get; init; } = (int)s_defaults.DrainLimit.TotalSeconds;
    public int ReportSeconds { get; init; } = (int)s_defaults.ReportEvery.TotalSeconds;
    public int InventorySeconds { get; init; } = 30;
    public string? ImageFolder { get; init; }
    public string[]? LocationRoots { get; init; }
    public string[]? S3Endpoints { get; init; }

    public StoreEndpoints Endpoints() => new(S3Endpoints ?? [StoreEndpoints.AnyHost]);

    public WorkerBudget Budget() => new()
    {
        TasksAtOnce = TasksAtOnce,
        MemoryBytes = MemoryMebibytes * Mebibyte,
        SendBytesPerSecond = SendMebibytesPerSecond * Mebibyte,
        ReceiveBytesPerSecond = ReceiveMebibytesPerSecond * Mebibyte,
        DrainLimit = TimeSpan.FromSeconds(DrainSeconds),
        ReportEvery = TimeSpan.FromSeconds(ReportSeconds),
    };
}

sealed record SmtpSection
{
    public string? Host { get; init; }
    public int Port { get; init; } = 587;
    public SmtpSecurity Security { get; init; } = SmtpSecurity.StartTls;
    public string? User { get; init; }
    public string? PasswordFile { get; init; }
    public string? From { get; init; }
    public int TimeoutSeconds { get; init; } = 30;

    public SmtpSettings Settings() => new()
    { Host = Host, Port = Port, Security = Security, User = User, PasswordFile = PasswordFile, From = From,
        Timeout = TimeSpan.FromSeconds(TimeoutSeconds) };
}

sealed record WebhooksSection
{
    public bool AllowLoopback { get; init; }
    public bool AllowPrivateAddresses { get; init; }
    public int TimeoutSeconds { get; init; } = 15;

    public WebhookSettings Settings() =>
        new() { AllowLoopback = AllowLoopback, AllowPrivateAddresses = AllowPrivateAddresses,
            Timeout = TimeSpan.FromSeconds(TimeoutSeconds) };
}

sealed record LoggingSection
{
    public LogLevelSection LogLevel { get; init; } = new();
}

sealed record LogLevelSection
{
    public Microsoft.Extensions.Logging.LogLevel Default { get; init; } = Microsoft.Extensions.Logging.LogLevel.Warning;
}
