using System.CommandLine;
using System.Net;
using VBackup.Cli.Edge;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Up;

/// <summary><c>vbackup up</c></summary>
static class RunUp
{
    static readonly Option<string> s_data = new("--data")
    { HelpName = "DIR", DefaultValueFactory = _ => "vbackup-data", Description = "Where everything is kept: databases, the master key, the first location." };

    static readonly Option<string> s_listen = new("--listen")
    { HelpName = "ADDRESS:PORT", DefaultValueFactory = _ => "127.0.0.1:8080", Description = "Where pages and API listen; on this machine only. Port 0 takes a free one." };

    public static Command Define()
    {
        var command = new Command("up", "Run a whole backup system in one process, until it is told to stop.") { s_data, s_listen };
        CloudConfig.AddOptionIfAny(command);
        command.SetAction((parsed, stop) => HandleAsync(
            parsed.GetRequiredValue(s_data), ReadListen(parsed.GetRequiredValue(s_listen)), CloudConfig.ReadIfAny(parsed), Screen.Of(parsed), stop));
        return command;
    }

    static IPEndPoint ReadListen(string text)
    {
        if (!IPEndPoint.TryParse(text, out var address)) throw new UsageException($"--listen {text}: give an address and a port, such as 127.0.0.1:8080");
        // Tokens and passwords come over it.
        return IPAddress.IsLoopback(address.Address) ? address
            : throw new UsageException($"--listen {text}: without TLS it listens on this machine only; put a proxy with TLS before it");
    }

    static async Task<int> HandleAsync(string folder, IPEndPoint listen, string? cloudConfig, Screen screen, CancellationToken stop)
    {
        var system = await AllInOne.OpenAsync(DataFolder.Open(folder), listen, cloudConfig, stop).ConfigureAwait(false);
        await using (system.ConfigureAwait(false))
        {
            await system.StartAsync(stop).ConfigureAwait(false);
            screen.Event(new(system.Address, system.OneTimePassword), UpJson.Default.UpEvent);
            if (system.OneTimePassword is { } password)
            {
                screen.Line($"user admin, one-time password {password}: it is not shown again, and has to be changed at the first sign-in");
            }
            screen.Line($"open {system.Address} in a browser; the API is tried at {system.Address}/docs/");
            await system.RunAsync(stop).ConfigureAwait(false);
        }
        return ExitStatus.Done;
    }
}

/// <summary>It is up.</summary>
/// <param name="OneTimePassword">Of the user admin, at the first start only.</param>
sealed record UpEvent(string Address, string? OneTimePassword)
{
    // A record prints its members.
    public override string ToString() => Address;
}

[System.Text.Json.Serialization.JsonSourceGenerationOptions(
    PropertyNamingPolicy = System.Text.Json.Serialization.JsonKnownNamingPolicy.CamelCase)]
[System.Text.Json.Serialization.JsonSerializable(typeof(UpEvent))]
sealed partial class UpJson : System.Text.Json.Serialization.JsonSerializerContext;
