using System.Net;
using System.Text;
using VBackup.Contracts.Messages;
using VBackup.Portal.Notifications;
using VBackup.Portal.Tests.World;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests.Notifications;

/// <summary>Webhooks over the API, and where they may go.</summary>
public sealed class WebhookTests
{
    const string Good = "https://receiver.example/hook?channel=1";

    [Fact]
    public async Task Its_secret_is_told_once_and_kept_under_the_master_key()
    {
        await using var world = await TellingWorld.MakeAsync();
        var session = await world.Portal.MemberAsync();
        var body = new { name = "hook", url = world.Receiver.Url("/hook") };
        var made = (await world.Portal.PostAsync("/api/v1/webhooks", session, body, ("Idempotency-Key", "k"))).Is(201);
        var secret = Assert.IsType<string>(made["secret"]);
        Assert.StartsWith("vbwh_", secret, StringComparison.Ordinal);
        var again = (await world.Portal.PostAsync("/api/v1/webhooks", session, body, ("Idempotency-Key", "k"))).Is(201);
        Assert.Equal((made["id"], null), (again["id"], again["secret"]));
        var test = (await world.Portal.PostAsync($"/api/v1/webhooks/{made["id"]}/test", session, new { })).Is(202);
        await world.DeliverAsync();
        Assert.Equal("delivered", (await world.Portal.GetAsync(test.Headers["Location"], session)).Is(200)["state"]);
        Assert.Contains("\"event\":\"test\"", Assert.Single(world.Receiver.Posts).Body, StringComparison.Ordinal);
        foreach (var path in (string[])["/api/v1/webhooks", $"/api/v1/webhooks/{made["id"]}", "/api/v1/notifications", "/api/v1/audit"])
            Assert.DoesNotContain(secret, (await world.Portal.GetAsync(path, session)).Is(200).Text, StringComparison.Ordinal);
        Assert.Equal(["createWebhook", "testWebhook"], await world.Portal.AuditAsync());
        await using var db = world.Portal.Db();
        var kept = Assert.Single(db.Webhooks).WrappedSecret;
        Assert.DoesNotContain(secret, Encoding.Latin1.GetString(kept), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_secret_takes_the_place_of_the_one_before_and_is_told_once()
    {
        await using var world = await TellingWorld.MakeAsync();
        var session = await world.Portal.MemberAsync();
        var (id, old) = await world.WebhookAsync("hook", "/hook");
        var path = $"/api/v1/webhooks/{id}";
        var renewed = (await world.Portal.PostAsync(path + "/secret", session, new { }, ("Idempotency-Key", "k"))).Is(201);
        var secret = Assert.IsType<string>(renewed["secret"]);
        Assert.NotEqual(old, secret);
        Assert.Null((await world.Portal.PostAsync(path + "/secret", session, new { }, ("Idempotency-Key", "k"))).Is(201)["secret"]);
        (await world.Portal.PostAsync(path + "/test", session, new { })).Is(202);
        await world.DeliverAsync();
        var post = Assert.Single(world.Receiver.Posts);
        Assert.True(IsSignedBy(secret, post));
        Assert.False(IsSignedBy(old, post));
        Assert.Equal(["renewWebhookSecret", "testWebhook"], await world.Portal.AuditAsync());
    }

    [Fact]
    public async Task One_of_a_lost_system_is_sent_nothing_until_it_has_a_new_secret()
    {
        await using var world = await TellingWorld.MakeAsync();
        var session = await world.Portal.MemberAsync();
        var id = world.Portal.Ids.New<Contracts.Ids.WebhookId>();
        await world.Portal.SaveAsync(Webhook.Recovered(id, world.Portal.Project, "hook", world.Receiver.Url("/hook"),
            world.Portal.Clock.GetUtcNow()));
        var path = $"/api/v1/webhooks/{id}";
        Assert.Equal("False", (await world.Portal.GetAsync(path, session)).Is(200)["hasSecret"]);
        (await world.Portal.PostAsync(path + "/test", session, new { })).Is(202);
        await world.DeliverAsync();
        Assert.Equal((NotificationState.Waiting, 1), ((await world.OnlyAsync()).State, (await world.OnlyAsync()).Attempts));
        Assert.Contains("without its secret", (await world.OnlyAsync()).LastError, StringComparison.Ordinal);
        Assert.Empty(world.Receiver.Posts);
        // Nothing to take under another master key either.
        using var next = new Platform.Secrets.MasterKey(new byte[Platform.Secrets.MasterKey.Size]);
        await world.Portal.Changes.MakeAsync(change => WebhookSecrets.ChangeMasterKeyAsync(change, next, next, default), default);

        var secret = (await world.Portal.PostAsync(path + "/secret", session, new { })).Is(201)["secret"]!;
        Assert.Equal("True", (await world.Portal.GetAsync(path, session)).Is(200)["hasSecret"]);
        await world.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(NotificationState.Delivered, (await world.OnlyAsync()).State);
        Assert.True(IsSignedBy(secret, Assert.Single(world.Receiver.Posts)));
    }

    static bool IsSignedBy(string secret, ReceivedPost post)
    {
        var signed = Encoding.UTF8.GetBytes($"{post.Headers["VBackup-Timestamp"]}.{post.Body}");
        var expected = Convert.ToHexStringLower(System.Security.Cryptography.HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), signed));
        return post.Headers["VBackup-Signature"] == $"v1={expected}";
    }

    [Fact]
    public async Task One_that_a_policy_tells_is_not_deleted()
    {
        await using var world = await TellingWorld.MakeAsync();
        var session = await world.Portal.MemberAsync();
        var (id, _) = await world.WebhookAsync("hook", "/hook");
        await world.RuleAsync(new(OnFailure: true, Webhooks: [id]));
        Assert.Contains("nightly", (await world.Portal.DeleteAsync($"/api/v1/webhooks/{id}", session)).Is(409, "in-use")["detail"],
            StringComparison.Ordinal);
        await world.RunEndsAsync(RunState.Failed);
        await world.RuleAsync(new(OnFailure: true, Recipients: ["a@receiver.example"]));
        (await world.Portal.DeleteAsync($"/api/v1/webhooks/{id}", session)).Is(204);
        // What was still to be told it is told nobody.
        await world.DeliverAsync();
        Assert.Equal((NotificationState.GivenUp, "the webhook was deleted"),
            ((await world.OnlyAsync()).State, (await world.OnlyAsync()).LastError));
        Assert.Empty(world.Receiver.Posts);
    }

    [Fact]
    public async Task A_policy_tells_webhooks_of_its_own_project_only()
    {
        await using var world = await PortalWorld.MakeAsync();
        var (theirs, _) = await world.WebhookAsync(project: await world.ProjectAsync("other"));
        var (own, _) = await world.WebhookAsync();
        var session = await world.MemberAsync();
        object Policy(string name, object webhook) => new
        {
            name,
            rules = new { launchTime = "01:00", zone = "UTC", daily = new { keep = 1 },
                notification = new { onFailure = true, webhooks = new[] { webhook } } },
        };
        (await world.PostAsync("/api/v1/policies", session, Policy("a", theirs))).Is(400, "wrong-input", "rules.notification.webhooks");
        var made = (await world.PostAsync("/api/v1/policies", session, Policy("a", own))).Is(201);
        Assert.Contains($"\"webhooks\":[\"{own}\"]", made.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_are_taken_once_and_there_are_so_many_at_most()
    {
        await using var world = await PortalWorld.MakeAsync();
        var session = await world.MemberAsync();
        for (var i = 0; i < WebhookRoutes.CountMax; i++)
            (await world.PostAsync("/api/v1/webhooks", session, new { name = $"hook-{i}", url = Good })).Is(201);
        (await world.PostAsync("/api/v1/webhooks", session, new { name = "hook-0", url = Good })).Is(409, "name-taken", "name");
        (await world.PostAsync("/api/v1/webhooks", session, new { name = "more", url = Good })).Is(409, "limit-reached");
    }

    [Theory]
    [InlineData(Good, true)]
    [InlineData("https://93.184.216.34/", true)]
    [InlineData("http://receiver.example/", false)]
    [InlineData("http://127.0.0.1/", false)]
    [InlineData("https://127.0.0.1/", false)]
    [InlineData("https://[::1]/", false)]
    [InlineData("https://10.1.2.3/", false)]
    [InlineData("https://0x7f000001/", false)]
    [InlineData("https://169.254.169.254/latest/meta-data", false)]
    [InlineData("https://name:secret@receiver.example/", false)]
    [InlineData("https://receiver.example/#fragment", false)]
    [InlineData("ftp://receiver.example/", false)]
    [InlineData("file:///etc/passwd", false)]
    [InlineData("/hook", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public async Task A_URL_is_of_HTTPS_and_of_the_public_internet(string? url, bool isGood)
    {
        await using var world = await PortalWorld.MakeAsync();
        var answer = await world.PostAsync("/api/v1/webhooks", await world.MemberAsync(), new { name = "hook", url });
        if (isGood) answer.Is(201);
        else answer.Is(400, "wrong-input", "url");
    }

    [Theory]
    [InlineData("93.184.216.34", true, true)]
    [InlineData("2606:2800:220:1::1", true, true)]
    [InlineData("10.0.0.1", false, true)]
    [InlineData("172.31.255.255", false, true)]
    [InlineData("172.32.0.1", true, true)]
    [InlineData("192.168.1.1", false, true)]
    [InlineData("100.64.0.1", false, true)]
    [InlineData("169.254.169.254", false, true)]
    [InlineData("fe80::1", false, true)]
    [InlineData("fd00::1", false, true)]
    [InlineData("::ffff:10.0.0.1", false, true)]
    [InlineData("::ffff:93.184.216.34", true, true)]
    [InlineData("64:ff9b::a00:1", false, true)]
    [InlineData("64:ff9b::5db8:d822", true, true)]
    [InlineData("2002:a00:1::1", false, true)]
    [InlineData("2001:db8::1", false, true)]
    [InlineData("0.0.0.0", false, false)]
    [InlineData("::", false, false)]
    [InlineData("255.255.255.255", false, false)]
    [InlineData("224.0.0.1", false, false)]
    [InlineData("ff02::1", false, false)]
    [InlineData("127.0.0.1", false, false)]
    [InlineData("127.8.8.8", false, false)]
    [InlineData("::1", false, false)]
    [InlineData("::ffff:127.0.0.1", false, false)]
    [InlineData("64:ff9b::7f00:1", false, false)]
    public void Addresses_that_only_the_Portal_can_reach_are_refused(string text, bool isAllowed, bool isAllowedWithPrivate)
    {
        var address = IPAddress.Parse(text);
        Assert.Equal(isAllowed, WebhookAddresses.IsAllowed(address, isPlain: false, new()));
        Assert.Equal(isAllowedWithPrivate, WebhookAddresses.IsAllowed(address, isPlain: false, new() { AllowPrivateAddresses = true }));
        // Without TLS only this machine is spoken to, where that is allowed.
        var isLoopback = text.EndsWith("127.0.0.1", StringComparison.Ordinal) || text is "127.8.8.8" or "::1" or "64:ff9b::7f00:1";
        Assert.Equal(isLoopback, WebhookAddresses.IsAllowed(address, isPlain: true,
            new() { AllowLoopback = true, AllowPrivateAddresses = true }));
    }

    [Fact]
    public void What_this_machine_has_in_a_network_is_this_machine()
    {
        var own = OwnAddress.OrSkip();
        Assert.False(WebhookAddresses.IsAllowed(own, isPlain: false, new() { AllowPrivateAddresses = true }));
        Assert.True(WebhookAddresses.IsAllowed(own, isPlain: false, new() { AllowLoopback = true }));
    }

    /// <summary>The name says nothing of it: its address is looked at when it is connected to.</summary>
    [Fact]
    public async Task A_name_that_means_this_machine_is_not_connected_to()
    {
        await using var world = await TellingWorld.MakeAsync(settings: new());
        var id = world.Portal.Ids.New<Contracts.Ids.WebhookId>();
        var url = $"https://localhost:{world.Receiver.Address.Port}/hook";
        Assert.Null(WebhookAddresses.FaultOf(url, new()));
        await world.Portal.SaveAsync(new Webhook(id, world.Portal.Project, "hook", url, world.Portal.WebhookSecrets.New(id).Wrapped,
            world.Portal.Clock.GetUtcNow()));
        await world.RuleAsync(new(OnFailure: true, Webhooks: [id]));
        await world.RunEndsAsync(RunState.Failed);
        await world.DeliverAsync();
        Assert.Equal((NotificationState.GivenUp, WebhookAddresses.Forbidden),
            ((await world.OnlyAsync()).State, (await world.OnlyAsync()).LastError));
    }
}
