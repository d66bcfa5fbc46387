using System.Globalization;
using System.Text.Json;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Remote;

/// <summary>Mails and webhooks over real TLS: who has no certificate that this machine trusts hears nothing, and that is told.</summary>
public sealed class NotificationTlsTests : IDisposable
{
    const int LooksMax = 300;
    static readonly TimeSpan s_lookDelay = TimeSpan.FromMilliseconds(100);

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-tls-").FullName;
    readonly TestAuthority _authority = new();

    [Theory]
    [InlineData("StartTls")]
    [InlineData("Tls")]
    public async Task Receivers_whose_certificate_is_trusted_are_told(string security)
    {
        await using var mails = TlsReceiver.OfMails(_authority.Issue("localhost"), startsPlain: security == "StartTls");
        await using var requests = TlsReceiver.OfRequests(_authority.Issue("localhost"));
        var told = await BackUpAndTellAsync(security, mails, requests, trusts: true);
        Assert.All(told, one => Assert.Equal("delivered", one.GetProperty("state").GetString()));
        Assert.Contains("Subject: ", Assert.Single(mails.Received), StringComparison.Ordinal);
        using var body = JsonDocument.Parse(Assert.Single(requests.Received));
        Assert.Equal("runSucceeded", body.RootElement.GetProperty("event").GetString());
    }

    [Theory]
    [InlineData("StartTls", false, "localhost")]
    [InlineData("Tls", false, "localhost")]
    [InlineData("StartTls", true, "another.example")]
    public async Task Receivers_whose_certificate_is_not_trusted_or_not_theirs_hear_nothing(string security, bool trusts, string host)
    {
        await using var mails = TlsReceiver.OfMails(_authority.Issue(host), startsPlain: security == "StartTls");
        await using var requests = TlsReceiver.OfRequests(_authority.Issue(host));
        var told = await BackUpAndTellAsync(security, mails, requests, trusts);
        Assert.All(told, one => Assert.Equal("waiting", one.GetProperty("state").GetString()));
        Assert.All(told, one => Assert.Matches("^TLS was not agreed.*certificate.*trust", one.GetProperty("lastError").GetString()));
        Assert.Empty(mails.Received);
        Assert.Empty(requests.Received);
    }

    /// <summary>A backup of which a mail and a webhook tell.</summary>
    /// <returns>What became of the two notifications, once somebody tried.</returns>
    async Task<List<JsonElement>> BackUpAndTellAsync(string security, TlsReceiver mails, TlsReceiver requests, bool trusts)
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "authority.pem"), _authority.Pem);
        var variables = new Dictionary<string, string?>
        {
            ["SSL_CERT_FILE"] = trusts ? Path.Combine(_folder, "authority.pem") : null,
            ["VBACKUP__Smtp__Host"] = "localhost",
            ["VBACKUP__Smtp__Port"] = mails.Port.ToString(CultureInfo.InvariantCulture),
            ["VBACKUP__Smtp__Security"] = security,
            ["VBACKUP__Smtp__From"] = "vbackup@example.org",
            ["VBACKUP__Webhooks__AllowLoopback"] = "true",
        };
        await using var up = await UpProcess.StartAsync(Path.Combine(_folder, "data"), steps: null, variables);
        await up.SignInAsync("correct horse battery staple");
        var server = (await up.FirstServerAsync()).Split('/');
        var webhook = await up.PostAsync("webhooks", new { name = "hook", url = $"https://localhost:{requests.Port}/hook" });
        var policy = await up.PostAsync("policies", new
        {
            name = "told",
            rules = new
            {
                launchTime = "01:30",
                zone = "Etc/UTC",
                daily = new { keep = 3 },
                notification = new
                {
                    onSuccess = true,
                    onFailure = true,
                    recipients = (string[])["ops@example.org"],
                    webhooks = (string?[])[IdOf(webhook)],
                },
            },
        });
        await up.PostAsync("plans", new { server = new { region = server[0], id = server[1] }, policy = IdOf(policy) });
        Assert.Equal("succeeded", await up.FollowAsync(await up.PostAsync($"servers/{server[0]}/{server[1]}/backups", new { })));
        for (var look = 0; look < LooksMax; look++)
        {
            var told = (await up.GetAsync("notifications")).GetProperty("items").EnumerateArray().ToList();
            if (told.Count == 2 && told.TrueForAll(IsTried)) return told;
            await Task.Delay(s_lookDelay, TimeProvider.System);
        }
        throw new InvalidOperationException("nobody tries to tell");
    }

    static bool IsTried(JsonElement told) =>
        told.GetProperty("state").GetString() != "waiting" || told.GetProperty("lastError").ValueKind == JsonValueKind.String;

    static string? IdOf(JsonElement made) => made.GetProperty("id").GetString();

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
