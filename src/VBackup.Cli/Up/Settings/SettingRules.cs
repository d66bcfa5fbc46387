using System.Net;
using Microsoft.Extensions.Options;
using VBackup.Contracts.Limits;
using VBackup.Portal.Notifications;
using VBackup.Portal.Policies;

namespace VBackup.Cli.Up.Settings;

/// <summary>What values settings may have. Each fault is one line that names the setting, and says what is right.</summary>
sealed class SettingRules : IValidateOptions<UpSettings>
{
    const int CountMax = 1_000_000, TimeoutSecondsMax = 120, MemoryOfTaskMebibytes = 8, LeaseSecondsMin = 15, ReportsInLease = 4;

    public ValidateOptionsResult Validate(string? name, UpSettings options)
    {
        string?[] faults = [.. OfListen(options), .. OfProxies(options.Api), OfCloud(options.Cloud), .. OfNumbers(options),
            OfImageFolder(options.Worker.ImageFolder),
            .. OfPlaces(options.Worker), .. OfSmtp(options.Smtp)];
        var found = faults.OfType<string>().ToList();
        return found.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(found);
    }

    static IEnumerable<string?> OfListen(UpSettings settings)
    {
        if (!IPEndPoint.TryParse(settings.Listen, out var address))
            yield return $"Listen: is '{settings.Listen}'; it is an address and a port, such as 127.0.0.1:8080";
        // Tokens and passwords come over it.
        else if (!IPAddress.IsLoopback(address.Address))
            yield return $"Listen: is '{settings.Listen}'; without TLS it is an address of this machine, such as 127.0.0.1:8080: put a "
                + "proxy with TLS before it";
    }

    static IEnumerable<string> OfProxies(ApiSection api) => (api.Proxies ?? []).Where(entry => ApiSection.FindProxy(entry) is null)
        .Select(entry => $"Api:Proxies: has '{entry}'; each is an address, or a network such as 10.0.0.0/24");

    // What is in it is looked at by whoever opens the cloud, and names the file.
    static string? OfCloud(string? file) => file is null || File.Exists(file) ? null : $"Cloud: there is no file {file}";

    static IEnumerable<string?> OfNumbers(UpSettings settings)
    {
        yield return Within("Api:RequestsAtOnce", settings.Api.RequestsAtOnce, 1, CountMax);
        yield return Within("Api:RequestsPerSecond", settings.Api.RequestsPerSecond, 1, CountMax);
        yield return Within("Api:ConnectionsAtOnce", settings.Api.ConnectionsAtOnce, 10, CountMax);
        yield return Within("QuietHours:CollectEveryHours", settings.QuietHours.CollectEveryHours, 1, 24 * 366);
        yield return Within("QuietHours:VerifyEveryDays", settings.QuietHours.VerifyEveryDays, 1, 366);
        yield return Within("Tasks:LeaseSeconds", settings.Tasks.LeaseSeconds, LeaseSecondsMin, 3600);
        yield return Within("Tasks:PerHypervisor", settings.Tasks.PerHypervisor, 1, 1000);
        yield return Within("Tasks:PerPool", settings.Tasks.PerPool, 1, 1000);
        yield return Within("Tasks:PerLocation", settings.Tasks.PerLocation, 1, 1000);
        yield return Within("Snapshots:PerVolume", settings.Snapshots.PerVolume, 1, CountMax);
        yield return Within("Snapshots:PerPool", settings.Snapshots.PerPool, 1, CountMax);
        yield return Within("Snapshots:PerRegion", settings.Snapshots.PerRegion, 1, CountMax);
        yield return Within("Worker:TasksAtOnce", settings.Worker.TasksAtOnce, 1, 64);
        yield return Within("Worker:MemoryMebibytes", settings.Worker.MemoryMebibytes, settings.Worker.TasksAtOnce * MemoryOfTaskMebibytes,
            CountMax);
        yield return Within("Worker:SendMebibytesPerSecond", settings.Worker.SendMebibytesPerSecond ?? 1, 1, CountMax);
        yield return Within("Worker:ReceiveMebibytesPerSecond", settings.Worker.ReceiveMebibytesPerSecond ?? 1, 1, CountMax);
        yield return Within("Worker:DrainSeconds", settings.Worker.DrainSeconds, 0, 3600);
        // A lease that is asked for too seldom is lost with the first question that gets lost.
        yield return Within("Worker:ReportSeconds", settings.Worker.ReportSeconds, 1,
            Math.Max(settings.Tasks.LeaseSeconds, LeaseSecondsMin) / ReportsInLease);
        yield return Within("Worker:InventorySeconds", settings.Worker.InventorySeconds, 5, 3600);
        yield return Within("Smtp:Port", settings.Smtp.Port, 1, ushort.MaxValue);
        yield return Within("Smtp:TimeoutSeconds", settings.Smtp.TimeoutSeconds, 1, TimeoutSecondsMax);
        yield return Within("Webhooks:TimeoutSeconds", settings.Webhooks.TimeoutSeconds, 1, TimeoutSecondsMax);
    }

    static string? OfImageFolder(string? folder) => folder is null || Path.IsPathFullyQualified(folder) && Directory.Exists(folder) ? null
        : $"Worker:ImageFolder: is '{folder}'; it is the full path of a folder that is there";

    // Roots need not be there now: what is to be mounted there may be mounted later.
    static IEnumerable<string?> OfPlaces(WorkerSection worker)
    {
        foreach (var root in worker.LocationRoots ?? [])
            if (!Path.IsPathFullyQualified(root))
                yield return $"{LocationFolders.Setting}: has '{root}'; each is the full path of a folder";
        foreach (var entry in worker.S3Endpoints ?? [])
            if (!StoreEndpoints.IsEntry(entry))
                yield return $"{StoreEndpoints.Setting}: has '{entry}'; each is a host, such as s3.example.org or 10.0.0.7:7480, or * for "
                    + "any";
    }

    static IEnumerable<string?> OfSmtp(SmtpSection smtp)
    {
        if (smtp.Host is null)
        {
            foreach (var (name, value) in ((string, string?)[])[("User", smtp.User), ("PasswordFile", smtp.PasswordFile),
                ("From", smtp.From)])
                if (value is not null) yield return $"Smtp:Host: is needed where there is Smtp:{name}";
            yield break;
        }
        if (Uri.CheckHostName(smtp.Host) == UriHostNameType.Unknown)
            yield return $"Smtp:Host: is '{smtp.Host}'; it is a name or an address, without a port";
        else if (smtp.Security == SmtpSecurity.None && !NetworkAddress.IsThisMachine(smtp.Host))
            yield return "Smtp:Security: is None; mails go without TLS to a server on this machine only: it is StartTls or Tls";
        if (smtp.From is null) yield return "Smtp:From: is needed where there is Smtp:Host: the address that mails are from";
        else if (!NotificationRule.IsAddress(smtp.From))
            yield return $"Smtp:From: is '{smtp.From}'; it is an e-mail address, such as vbackup@example.org";
        if (smtp.User is null != smtp.PasswordFile is null)
            yield return $"Smtp:{(smtp.User is null ? "User" : "PasswordFile")}: is needed where there is "
                + $"Smtp:{(smtp.User is null ? "PasswordFile" : "User")}";
        if (smtp.PasswordFile is { } file && !File.Exists(file)) yield return $"Smtp:PasswordFile: there is no file {file}";
    }

    static string? Within(string name, int value, int min, int max) => value >= min && value <= max ? null
        : $"{name}: is {value}; it is {min} to {max}";
}
