using System.Net.Sockets;
using System.Text.RegularExpressions;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>The settings of <c>vbackup up</c>: where they come from, and what is said about those that are wrong.</summary>
public sealed partial class SettingsTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-settings-").FullName;

    string Data => Path.Combine(_folder, "data");

    [Fact]
    public async Task The_page_has_every_setting_with_its_default()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Root(), "docs", "configuration.md"));
        var documented = Row().Matches(page).Select(row => (row.Groups["name"].Value, row.Groups["default"].Value)).ToList();
        var there = (await ShowAsync()).Select(one => (one.Name, one.Default ?? ""));
        Assert.Equal(there, documented);
    }

    [Fact]
    public async Task The_command_line_goes_before_the_environment_and_that_before_the_file()
    {
        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(Path.Combine(Data, "appsettings.json"),
            """
            {
                "listen": "127.0.0.1:1", "Api": { "RequestsAtOnce": 7, "RequestsPerSecond": 8 }, "QuietHours": { "From": "23:30" },
                "Worker": { "LocationRoots": ["/srv/a", "/srv/b"] },
                "Logging": { "LogLevel": { "Default": "Error", "VBackup.Portal": "Debug" } }
            }
            """);
        var shown = (await ShowAsync(new() { ["VBACKUP__LISTEN"] = "127.0.0.1:2", ["VBACKUP__Api__RequestsAtOnce"] = "9" }, "--listen",
            "127.0.0.1:3"))
            .ToDictionary(one => one.Name, one => one.Value);
        Assert.Equal("/srv/a, /srv/b", shown["Worker:LocationRoots"]);
        Assert.Equal(("127.0.0.1:3", "9", "8", "23:30", "Error"),
            (shown["Listen"], shown["Api:RequestsAtOnce"], shown["Api:RequestsPerSecond"],
            shown["QuietHours:From"], shown["Logging:LogLevel:Default"]));
    }

    [Fact]
    public async Task One_connection_more_than_there_may_be_is_closed()
    {
        const int Most = 10;
        await using var up = await UpProcess.StartAsync(Data, steps: null,
            new Dictionary<string, string?> { ["VBACKUP__Api__ConnectionsAtOnce"] = $"{Most}" });
        List<TcpClient> connections = [];
        try
        {
            for (var i = 0; i < Most; i++) Assert.NotEqual(0, await AskAsync());
            Assert.Equal(0, await AskAsync());
        }
        finally
        {
            foreach (var connection in connections) connection.Dispose();
        }

        // How many bytes the first answer on a new connection, which stays open, has.
        async Task<int> AskAsync()
        {
            var connection = new TcpClient();
            connections.Add(connection);
            await connection.ConnectAsync(up.Http.BaseAddress!.Host, up.Http.BaseAddress.Port);
            try
            {
                await connection.GetStream().WriteAsync("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
                return await connection.GetStream().ReadAsync(new byte[4096]);
            }
            catch (IOException)
            {
                return 0;
            }
        }
    }

    [Fact]
    public async Task The_environment_names_the_data_folder_too()
    {
        var shown = (await CliProcess.RunAsync(["up", "--show-settings", "--json"], new Dictionary<string,
            string?> { ["VBACKUP__Data"] = Data })).Expect(0);
        Assert.Equal(Data, shown.Last.GetProperty("settings")[0].GetProperty("value").GetString());
    }

    [Theory]
    [InlineData("Smtp__Hots", "x", "Smtp:Hots: is no setting; Smtp has Host, Port,")]
    [InlineData("Smpt__Host", "x", "Smpt: is no setting; there are Data, Listen,")]
    [InlineData("Smtp__Password", "do not tell", "Smtp:Password: is no setting; Smtp has")]
    [InlineData("Listen__Port", "x", "Listen: is one value, and has others within it")]
    [InlineData("Smtp__Port", "many", "Smtp:Port: is 'many'; it is a whole number")]
    [InlineData("Smtp__Port", "0", "Smtp:Port: is 0; it is 1 to 65535")]
    [InlineData("Smtp__Port", "", "Smtp:Port: is empty")]
    [InlineData("Smtp__Security", "ssl", "Smtp:Security: is 'ssl'; it is one of StartTls, Tls, None")]
    [InlineData("Smtp__Security", "1", "Smtp:Security: is '1'; it is one of StartTls, Tls, None")]
    [InlineData("Smtp__From", "vbackup@example.org", "Smtp:Host: is needed where there is Smtp:From")]
    [InlineData("QuietHours__From", "2 am", "QuietHours:From: is '2 am'; it is a time of day as HH:mm")]
    [InlineData("Webhooks__AllowLoopback", "yes", "Webhooks:AllowLoopback: is 'yes'; it is true or false")]
    [InlineData("Tasks__LeaseSeconds", "5", "Tasks:LeaseSeconds: is 5; it is 15 to 3600")]
    [InlineData("Logging__LogLevel__VBackup", "loud", "Logging:LogLevel:VBackup: is 'loud'; it is one of Trace,")]
    [InlineData("Cloud", "nowhere.json", "Cloud: there is no file nowhere.json")]
    [InlineData("Worker__ImageFolder", "images", "Worker:ImageFolder: is 'images'; it is the full path of a folder that is there")]
    [InlineData("Worker__LocationRoots", "/srv", "Worker:LocationRoots: is a list: its first entry is Worker:LocationRoots:0, the next")]
    [InlineData("Worker__LocationRoots__0", "backups", "Worker:LocationRoots: has 'backups'; each is the full path of a folder")]
    [InlineData("Worker__LocationRoots__first", "/srv", "Worker:LocationRoots: is a list of texts, numbered from 0")]
    [InlineData("Worker__S3Endpoints__0", "https://s3.example.org", "Worker:S3Endpoints: has 'https://s3.example.org'; each is a host,")]
    [InlineData("Listen", "0.0.0.0:8080", "Listen: is '0.0.0.0:8080'; without TLS")]
    [InlineData("Api__Proxies__0", "0.0.0.0/0", "Api:Proxies: has '0.0.0.0/0'; each is an address, or a network")]
    [InlineData("Api__Proxies__0", "10.1", "Api:Proxies: has '10.1'; each is an address, or a network")]
    [InlineData("Api__Proxies__0", "proxy.example.org", "Api:Proxies: has 'proxy.example.org'; each is an address, or a network")]
    public async Task A_wrong_setting_is_named_before_anything_is_made(string name, string value, string line)
    {
        var ended = (await CliProcess.RunAsync(["up", "--data", Data], new Dictionary<string,
            string?> { ["VBACKUP__" + name] = value })).Expect(2);
        var told = Assert.Single(ended.Errors);
        Assert.StartsWith("vbackup: " + line, told, StringComparison.Ordinal);
        Assert.DoesNotContain("do not tell", told, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Data));
    }

    [Fact]
    public async Task An_address_that_another_program_has_is_named_before_anything_is_made()
    {
        using var other = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        other.Start();
        var ended = (await CliProcess.RunAsync(["up", "--data", Data, "--listen", $"{other.LocalEndpoint}"])).Expect(1);
        Assert.Equal($"vbackup: Listen: {other.LocalEndpoint} is in use by another program: name another with --listen ADDRESS:PORT",
            Assert.Single(ended.Errors));
        Assert.False(Directory.Exists(Data));
        other.Stop();
        await using var up = await UpProcess.StartAsync(Data);
        Assert.NotNull(up.OneTimePassword);
    }

    [Fact]
    public async Task An_address_that_nobody_can_listen_at_is_named_before_anything_is_made()
    {
        // It is one of this machine, and no socket takes it in this form.
        const string Address = "[::ffff:127.0.0.1]:0";
        var ended = (await CliProcess.RunAsync(["up", "--data", Data, "--listen", Address])).Expect(1);
        Assert.StartsWith($"vbackup: Listen: {Address} cannot be listened at (", Assert.Single(ended.Errors), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Data));
    }

    [Fact]
    public async Task One_that_is_none_hides_no_other_that_is_wrong()
    {
        var ended = (await CliProcess.RunAsync(["up", "--data", Data], new Dictionary<string, string?>
        {
            ["VBACKUP__Smtp__Hots"] = "mail.example.org",
            ["VBACKUP__Smtp__Port"] = "many",
            ["VBACKUP__Tasks__LeaseSeconds"] = "1",
        })).Expect(2);
        Assert.Equal(["Smtp:Hots", "Smtp:Port", "Tasks:LeaseSeconds"],
            ended.Errors.Select(line => line["vbackup: ".Length..line.IndexOf(": is", StringComparison.Ordinal)]).Order());
    }

    /// <summary>Every caller has the proxy's address otherwise, and who fails to sign in shuts out all.</summary>
    [Theory]
    [InlineData(null, "127.0.0.1")]
    [InlineData("127.0.0.0/8", "203.0.113.9")]
    [InlineData("192.0.2.1", "127.0.0.1")]
    public async Task Who_asks_is_taken_from_a_proxy_that_is_trusted(string? proxy, string address)
    {
        await using var up = await UpProcess.StartAsync(Data, steps: null,
            new Dictionary<string, string?> { ["VBACKUP__Api__Proxies__0"] = proxy });
        up.Http.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.9");
        await up.SignInAsync("correct horse battery staple");
        Assert.Equal(address, (await up.GetAsync("audit")).GetProperty("items")[0].GetProperty("address").GetString());
    }

    [Fact]
    public async Task Each_that_is_wrong_has_a_line()
    {
        var ended = (await CliProcess.RunAsync(["up", "--data", Data], new Dictionary<string, string?>
        {
            ["VBACKUP__Smtp__Host"] = "mail.example.org",
            ["VBACKUP__Smtp__Security"] = "None",
            ["VBACKUP__Smtp__User"] = "mailer",
        })).Expect(2);
        Assert.Equal(["Smtp:Security", "Smtp:From", "Smtp:PasswordFile"],
            ended.Errors.Select(line => line["vbackup: ".Length..line.IndexOf(": is", StringComparison.Ordinal)]));
    }

    [Theory]
    [InlineData("{", "cannot be read")]
    [InlineData("""{ "Smtp": { "Port": null } }""", "Smtp:Port: is empty")]
    [InlineData("""{ "Data": "/srv/elsewhere" }""", "Data: the folder cannot be named by the appsettings.json within it")]
    [InlineData("""{ "Kestrel": { "Endpoints": {} }, "Urls": "http://0.0.0.0:80" }""", "Kestrel: is no setting")]
    public async Task A_wrong_file_is_refused(string content, string reason)
    {
        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(Path.Combine(Data, "appsettings.json"), content);
        var ended = (await CliProcess.RunAsync(["up", "--data", Data])).Expect(2);
        Assert.Contains(reason, ended.Errors[0], StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Data, "portal.db")));
    }

    [Fact]
    public async Task A_folder_in_the_files_place_is_refused()
    {
        Directory.CreateDirectory(Path.Combine(Data, "appsettings.json"));
        var ended = (await CliProcess.RunAsync(["up", "--data", Data])).Expect(2);
        Assert.Contains("appsettings.json is a folder", Assert.Single(ended.Errors), StringComparison.Ordinal);
    }

    /// <summary>The file, the services and the loop that delivers, together.</summary>
    [Fact]
    public async Task A_webhook_is_tried_where_the_file_allows_it()
    {
        const int looksMax = 300;
        Directory.CreateDirectory(Data);
        await File.WriteAllTextAsync(Path.Combine(Data, "appsettings.json"), """{ "Webhooks": { "AllowLoopback": true } }""");
        await using var up = await UpProcess.StartAsync(Data);
        await up.SignInAsync("correct horse battery staple");
        // Nobody listens at port 1.
        var webhook = await up.PostAsync("webhooks", new { name = "hook", url = "http://127.0.0.1:1/" });
        var test = await up.PostAsync($"webhooks/{webhook.GetProperty("id").GetString()}/test", new { });
        for (var look = 0; look < looksMax; look++)
        {
            var told = await up.GetAsync($"notifications/{test.GetProperty("notification").GetString()}");
            if (told.GetProperty("lastError").GetString() == "nobody answers there") return;
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        }
        Assert.Fail("it was not tried");
    }

    async Task<List<(string Name, string? Value, string? Default)>> ShowAsync(Dictionary<string, string?>? variables = null,
        params string[] more)
    {
        var shown = (await CliProcess.RunAsync(["up", "--show-settings", "--json", "--data", Data, .. more], variables)).Expect(0);
        return [.. shown.Last.GetProperty("settings").EnumerateArray().Select(one =>
            (one.GetProperty("name").GetString()!, one.GetProperty("value").GetString(), one.GetProperty("default").GetString()))];
    }

    static string Root()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
            if (File.Exists(Path.Combine(folder, "vBackup.slnx"))) return folder;
        throw new InvalidOperationException("The tests run outside of a checkout.");
    }

    [GeneratedRegex(@"^\| `(?<name>[A-Za-z0-9:]+)` \| (`(?<default>[^`]+)` )?\|", RegexOptions.Multiline)]
    private static partial Regex Row();

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
