using System.CommandLine;
using VBackup.Cli.Edge;
using VBackup.Cli.Terminal;
using VBackup.Cli.Up.Settings;

namespace VBackup.Cli.Up;

/// <summary><c>vbackup up</c></summary>
static class RunUp
{
    static readonly Option<string> s_data = new("--data")
    { HelpName = "DIR", Description = "Where everything is kept: databases, the master key, settings, the first location; vbackup-data." };

    static readonly Option<string> s_listen = new("--listen")
    { HelpName = "ADDRESS:PORT",
        Description = "Where pages and API listen; on this machine only; 127.0.0.1:8080. Port 0 takes a free one." };

    static readonly Option<bool> s_showSettings = new("--show-settings") { Description = "Say which settings are in use, and start "
        + "nothing." };

    public static Command Define()
    {
        var command = new Command("up", "Run a whole backup system in one process, until it is told to stop.") { s_data, s_listen,
            s_showSettings };
        CloudConfig.AddOptionIfAny(command);
        command.SetAction((parsed, stop) =>
        {
            var settings = SettingsReading.Read(new(parsed.GetValue(s_data), parsed.GetValue(s_listen), CloudConfig.ReadIfAny(parsed)));
            var screen = Screen.Of(parsed);
            return parsed.GetValue(s_showSettings) ? Task.FromResult(ShowSettings.Show(settings.Values, screen))
                : HandleAsync(settings, screen, stop);
        });
        return command;
    }

    static async Task<int> HandleAsync(SettingsInUse settings, Screen screen, CancellationToken stop)
    {
        using var address = TakenAddress.Take(settings.Values);
        var system = await AllInOne.OpenAsync(address, DataFolder.Open(settings.Values.Data), settings, stop).ConfigureAwait(false);
        await using (system.ConfigureAwait(false))
        {
            await system.StartAsync(stop).ConfigureAwait(false);
            screen.Event(new(system.Address, system.OneTimePassword), UpJson.Default.UpEvent);
            if (system.OneTimePassword is { } password)
            {
                screen.Line($"user admin, one-time password {password}: it is changed at the first sign-in, and until then each start "
                    + "makes another");
            }
            screen.Line($"open {system.Address} in a browser; the API is tried at {system.Address}/docs/");
            await system.RunAsync(stop).ConfigureAwait(false);
        }
        return ExitStatus.Done;
    }
}

/// <summary>It is up.</summary>
/// <param name="OneTimePassword">Of the user admin, until he has signed in.</param>
sealed record UpEvent(string Address, string? OneTimePassword)
{
    // A record prints its members.
    public override string ToString() => Address;
}

[System.Text.Json.Serialization.JsonSourceGenerationOptions(
    PropertyNamingPolicy = System.Text.Json.Serialization.JsonKnownNamingPolicy.CamelCase)]
[System.Text.Json.Serialization.JsonSerializable(typeof(UpEvent))]
[System.Text.Json.Serialization.JsonSerializable(typeof(SettingsEvent))]
sealed partial class UpJson : System.Text.Json.Serialization.JsonSerializerContext;
