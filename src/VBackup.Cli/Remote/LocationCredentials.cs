using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup location set-credentials</c>, and how what opens a bucket is given. Never on the command line, which others
/// see.</summary>
static class LocationCredentials
{
    const string AccessKeyVariable = "AWS_ACCESS_KEY_ID";
    const string SecretKeyVariable = "AWS_SECRET_ACCESS_KEY";

    static readonly Argument<string> s_location = new("LOCATION") { Description = "A location's name or id." };

    public static Option<string> AccessKeyFile { get; } = new("--access-key-file")
    { HelpName = "FILE", Description = $"A file with the S3's access key; without, {AccessKeyVariable} is taken." };

    public static Option<string> SecretKeyFile { get; } = new("--secret-key-file")
    { HelpName = "FILE", Description = $"A file with the S3's secret key; without, {SecretKeyVariable} is taken." };

    public static Command Define() => PortalCall.Define("set-credentials",
        "Give other credentials for a location's S3; whether they open it is found out then.", SetAsync,
        s_location, AccessKeyFile, SecretKeyFile);

    public static async Task<CredentialsBody> ReadAsync(PortalCall call) => new(
        await ReadKeyAsync(call, AccessKeyFile, AccessKeyVariable, "the access key").ConfigureAwait(false),
        await ReadKeyAsync(call, SecretKeyFile, SecretKeyVariable, "the secret key").ConfigureAwait(false));

    static async Task SetAsync(PortalCall call)
    {
        var wish = await ReadAsync(call).ConfigureAwait(false);
        var found = (await Choice.LocationAsync(call, call.Get(s_location)).ConfigureAwait(false)).Value;
        var read = await call.Portal.GetAsync($"locations/{found.Id}", RemoteJson.Default.LocationView, call.Stop).ConfigureAwait(false);
        var changed = await call.Portal.ReplaceAsync($"locations/{found.Id}/credentials", read.Version, wish,
            RemoteJson.Default.CredentialsBody, RemoteJson.Default.LocationView, call.Stop).ConfigureAwait(false);
        call.Screen.Event("completed", changed.Json);
        call.Screen.Line($"workers open location '{found.Name}' with these from their next task on; 'vbackup location list' shows when "
            + "they do not open it. What is at work goes on with those before: let them be good until it is over");
    }

    static async Task<string> ReadKeyAsync(PortalCall call, Option<string> file, string variable, string what) =>
        call.Get(file) is { } path ? await Secret.ReadFileAsync(path, what, call.Stop).ConfigureAwait(false)
            : Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value
            : throw new UsageException($"give {what}: {file.Name} FILE, or {variable}");
}
