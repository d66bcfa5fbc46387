using System.Text.Json;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>Somebody who uses the command line as a client of a Portal, with a configuration folder of his own.</summary>
internal sealed class RemoteUser(string folder)
{
    public const string Chosen = "correct horse battery staple";

    readonly Dictionary<string, string?> _variables = new()
    {
        ["XDG_CONFIG_HOME"] = Path.Combine(folder, "config"),
        ["VBACKUP_URL"] = null,
        ["VBACKUP_TOKEN"] = null,
        ["TZ"] = "Asia/Kolkata",
    };

    public string SignIns => Path.Combine(folder, "config", "vbackup", "sign-ins");

    public IReadOnlyDictionary<string, string?> Variables => _variables;

    public void Set(string variable, string? value) => _variables[variable] = value;

    public Task<Ended> RunAsync(params IEnumerable<string> arguments) => CliProcess.RunAsync(arguments, _variables);

    /// <summary>What a command that has to end well shows to people.</summary>
    public async Task<string> TextAsync(params IEnumerable<string> arguments) =>
        string.Join('\n', (await RunAsync(arguments)).Expect(0).Output);

    /// <summary>The last object that a command tells to programs, which has to end well.</summary>
    public async Task<JsonElement> JsonAsync(params IEnumerable<string> arguments) =>
        (await RunAsync([.. arguments, "--json"])).Expect(0).Last;

    /// <summary>The only line that a command says which has to fail.</summary>
    public async Task<string> RefusalAsync(int status, params IEnumerable<string> arguments) =>
        Xunit.Assert.Single((await RunAsync(arguments)).Expect(status).Errors);

    /// <summary>A file with a secret in it.</summary>
    public string FileWith(string text)
    {
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, Path.GetRandomFileName());
        File.WriteAllText(path, text + "\n");
        return path;
    }

    /// <summary>The first sign-in of all.</summary>
    public async Task SignInAsync(UpProcess up, string user = "admin", string? oneTime = null) =>
        (await RunAsync("login", UrlOf(up), "--user", user, "--password-file", FileWith(oneTime ?? up.OneTimePassword!),
            "--new-password-file", FileWith(Chosen))).Expect(0);

    public static string UrlOf(UpProcess up) => up.Http.BaseAddress!.GetLeftPart(UriPartial.Authority);
}
