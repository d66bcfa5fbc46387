using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Remote;

/// <summary><c>vbackup login</c>, <c>logout</c>, <c>token</c>: what is kept of a session, to whom it is sent, and to whom never.</summary>
[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class SigningInTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-remote-").FullName;
    readonly RemoteUser _user;

    public SigningInTests() => _user = new(_folder);

    [Fact]
    public async Task The_one_time_password_is_replaced_and_the_session_is_kept_for_its_owner_until_it_is_ended()
    {
        await using var up = await UpProcess.StartAsync(Data);
        var url = RemoteUser.UrlOf(up);
        Assert.Contains("not signed in", await _user.RefusalAsync(1, "server", "list"), StringComparison.Ordinal);
        var oneTime = _user.FileWith(up.OneTimePassword!);
        Assert.Contains("--new-password-file", await _user.RefusalAsync(2, "login", url, "--user", "admin", "--password-file", oneTime),
            StringComparison.Ordinal);
        Assert.Contains("newPassword: ", await _user.RefusalAsync(1, "login", url, "--user", "admin", "--password-file", oneTime,
            "--new-password-file", _user.FileWith("short")), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_user.SignIns));

        var first = (await _user.RunAsync("login", $"{url}/api/v1/", "--user", "admin", "--password-file", oneTime, "--new-password-file",
            _user.FileWith(RemoteUser.Chosen))).Expect(0);
        Assert.StartsWith($"signed in to {url} as admin, project default, until ", Assert.Single(first.Output), StringComparison.Ordinal);
        Assert.EndsWith("+05:30", first.Output[0], StringComparison.Ordinal);
        var kept = Assert.Single(Directory.GetFiles(_user.SignIns));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(kept));
        var signIn = JsonDocument.Parse(await File.ReadAllTextAsync(kept)).RootElement;
        Assert.Equal(["expiresAt", "project", "token", "url", "user", "version"],
            signIn.EnumerateObject().Select(member => member.Name).Order());
        Assert.Equal((1, url, "admin", "default"), (signIn.GetProperty("version").GetInt32(), signIn.GetProperty("url").GetString(),
            signIn.GetProperty("user").GetString(), signIn.GetProperty("project").GetString()));
        var token = signIn.GetProperty("token").GetString()!;

        var listed = await _user.RunAsync("token", "list", "--json");
        Assert.Equal("session", Assert.Single(listed.Expect(0).Events).GetProperty("name").GetString());
        Assert.DoesNotContain(listed.Output.Concat(first.Output).Concat(first.Errors), line =>
            line.Contains(token, StringComparison.Ordinal));

        // Somebody gave it to all: it is not used any more, before anybody asks for what.
        File.SetUnixFileMode(kept, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        Assert.Contains("others of this machine may read it", await _user.RefusalAsync(1, "token", "list"), StringComparison.Ordinal);
        File.SetUnixFileMode(kept, UnixFileMode.UserRead | UnixFileMode.UserWrite);

        Assert.Equal($"signed out of {url}", await _user.TextAsync("logout"));
        Assert.Empty(Directory.GetFiles(_user.SignIns));
        Assert.Contains("not signed in", await _user.RefusalAsync(1, "token", "list"), StringComparison.Ordinal);
        up.Http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        Assert.Equal(HttpStatusCode.Unauthorized, (await up.Http.GetAsync("/api/v1/tokens")).StatusCode);
    }

    [Fact]
    public async Task A_token_is_shown_once_serves_programs_and_is_nothing_when_it_is_revoked()
    {
        await using var up = await UpProcess.StartAsync(Data);
        await _user.SignInAsync(up);
        var made = (await _user.RunAsync("token", "create", "nightly", "--days", "7")).Expect(0);
        var token = Assert.Single(made.Output);
        Assert.StartsWith("vb_", token, StringComparison.Ordinal);
        Assert.DoesNotContain(token, await _user.TextAsync("token", "list"), StringComparison.Ordinal);
        var told = await _user.JsonAsync("token", "create", "daily");
        Assert.StartsWith("vb_", told.GetProperty("token").GetString(), StringComparison.Ordinal);

        var program = new RemoteUser(Path.Combine(_folder, "program"));
        program.Set("VBACKUP_TOKEN", token);
        Assert.Contains("VBACKUP_URL", await program.RefusalAsync(2, "token", "list"), StringComparison.Ordinal);
        program.Set("VBACKUP_URL", RemoteUser.UrlOf(up));
        Assert.Contains("nightly", await program.TextAsync("token", "list"), StringComparison.Ordinal);
        Assert.Contains("sign in with 'vbackup login", await program.RefusalAsync(1, "token", "create", "more"), StringComparison.Ordinal);

        Assert.Equal("revoked the token 'nightly' of admin", await _user.TextAsync("token", "revoke", "nightly"));
        Assert.Contains("sign in with 'vbackup login", await program.RefusalAsync(1, "token", "list"), StringComparison.Ordinal);
        Assert.Equal("daily",
            (await _user.JsonAsync("token", "revoke", told.GetProperty("id").GetString()!)).GetProperty("name").GetString());
        Assert.Contains("there is no token 'daily'", await _user.RefusalAsync(1, "token", "revoke", "daily"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_is_not_let_in_is_told_why_in_one_line()
    {
        await using var up = await UpProcess.StartAsync(Data);
        var url = RemoteUser.UrlOf(up);
        Assert.Contains("the password is another one", await _user.RefusalAsync(1, "login", url, "--user", "admin", "--password-file",
            _user.FileWith("not the password")), StringComparison.Ordinal);
        Assert.Contains("no terminal", await _user.RefusalAsync(2, "login", url, "--user", "admin"), StringComparison.Ordinal);

        await up.SignInAsync(RemoteUser.Chosen);
        var ada = await up.PostAsync("users", new { name = "ada" });
        await up.PostAsync("memberships", new { user = "ada", role = "vBackupReadOnlyAccess" });
        var server = await up.FirstServerAsync();
        await _user.SignInAsync(up, "ada", ada.GetProperty("oneTimePassword").GetString());
        Assert.Contains(server, await _user.TextAsync("server", "list"), StringComparison.Ordinal);
        Assert.Contains("your role in the project lacks BackupNow", await _user.RefusalAsync(1, "backup-now", "web-1"),
            StringComparison.Ordinal);
        Assert.Contains("there is no server 'web-2'", await _user.RefusalAsync(1, "backup-now", "web-2"), StringComparison.Ordinal);
        Assert.Contains("there is no server 'elsewhere/web-1'", await _user.RefusalAsync(1, "backup-now", "elsewhere/web-1"),
            StringComparison.Ordinal);

        await up.Process.SignalAsync("TERM");
        await up.Process.WaitAsync();
        Assert.Contains($"{url} cannot be reached", await _user.RefusalAsync(1, "server", "list"), StringComparison.Ordinal);
        // Whoever goes away leaves no token behind, though the Portal cannot be told.
        var ended = (await _user.RunAsync("logout")).Expect(0);
        Assert.Contains("could not be ended there", Assert.Single(ended.Errors), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_user.SignIns));
    }

    [Theory]
    [InlineData("http://backup.example.org", "use https://")]
    [InlineData("https://ada:secret-of-ada@backup.example.org", "leave out user, password")]
    [InlineData("https://backup.example.org/?token=secret-of-ada", "leave out user, password")]
    [InlineData("ftp://backup.example.org", "https://")]
    [InlineData("backup.example.org", "https://")]
    public async Task Nothing_secret_is_sent_where_it_could_be_read(string url, string reason)
    {
        var line = await _user.RefusalAsync(2, "login", url, "--user", "ada", "--password-file", _user.FileWith("a password"));
        Assert.Contains(reason, line, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-of-ada", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_not_trusted()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(now - TimeSpan.FromDays(1), now + TimeSpan.FromDays(1));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeAsync(listener, certificate);
        var line = await _user.RefusalAsync(1, "login", $"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}", "--user", "ada",
            "--password-file", _user.FileWith("a password"));
        Assert.EndsWith("cannot be trusted, so nothing was sent: nobody whom this machine trusts vouches for its certificate", line,
            StringComparison.Ordinal);
        Assert.Equal(0, await serving);
    }

    [Fact]
    public async Task A_port_that_speaks_http_is_said_to_speak_no_TLS()
    {
        await using var portal = await FakePortal.StartAsync((http, _, _) => FakePortal.JsonAsync(http, new { }));
        var url = portal.Url.Replace("http://", "https://", StringComparison.Ordinal);
        var line = await _user.RefusalAsync(1, "login", url, "--user", "ada", "--password-file", _user.FileWith("a password"));
        Assert.Equal($"vbackup: {url} does not speak TLS, or none that this machine takes, so nothing was sent: "
            + "is it the right port, or is it http:// there?", line);
        Assert.Empty(portal.Requests);
    }

    /// <returns>How many bytes came within TLS.</returns>
    static async Task<int> ServeAsync(TcpListener listener, X509Certificate2 certificate)
    {
        using var client = await listener.AcceptTcpClientAsync();
        await using var tls = new SslStream(client.GetStream());
        try
        {
            await tls.AuthenticateAsServerAsync(certificate);
            return await tls.ReadAsync(new byte[1]);
        }
        catch (Exception refused) when (refused is IOException or System.Security.Authentication.AuthenticationException)
        {
            // The client went away when it saw the certificate.
            return 0;
        }
    }

    string Data => Path.Combine(_folder, "data");

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
