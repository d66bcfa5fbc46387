using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Notifications;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests.Notifications;

/// <summary>What is told arrives, at a mail server and at a web server of this machine.</summary>
public sealed class DeliveryTests
{
    [Fact]
    public async Task Each_recipient_and_each_webhook_hears_it_once()
    {
        await using var world = await TellingWorld.MakeAsync();
        var (one, secret) = await world.WebhookAsync("one", "/one");
        var (two, _) = await world.WebhookAsync("two", "/two");
        await world.RuleAsync(new(OnFailure: true, Recipients: ["ada@receiver.example", "bob@receiver.example"], Webhooks: [one, two]));
        var run = await world.RunEndsAsync(RunState.Failed);
        await world.DeliverAsync();
        await world.PassAsync(TimeSpan.FromDays(2));

        Assert.Equal(["ada@receiver.example", "bob@receiver.example"], world.Mail.Mails.Select(mail => mail.To).Order());
        Assert.Equal(["/one", "/two"], world.Receiver.Posts.Select(post => post.Path).Order());
        Assert.All(await world.NotificationsAsync(), one => Assert.Equal((NotificationState.Delivered, 1), (one.State, one.Attempts)));
        var post = world.Receiver.Posts.Single(post => post.Path == "/one");
        var body = JsonSerializer.Deserialize<JsonElement>(post.Body);
        Assert.Equal((run.ToString(), "no\r\nroom"), (body.GetProperty("run").GetProperty("id").GetString(),
            body.GetProperty("run").GetProperty("error").GetString()));
        Assert.Equal(post.Headers[WebhookSender.IdHeader], body.GetProperty("id").GetString());
        Assert.Equal("application/json; charset=utf-8", post.Headers["Content-Type"]);
        Assert.Equal(SignatureOf(post, secret), post.Headers[WebhookSender.SignatureHeader]);
        Assert.NotEqual(SignatureOf(post, secret), world.Receiver.Posts.Single(other =>
            other.Path == "/two").Headers[WebhookSender.SignatureHeader]);
    }

    /// <summary>As docs/notifications.md tells receivers to look.</summary>
    static string SignatureOf(ReceivedPost post, string secret) => "v1=" + Convert.ToHexStringLower(HMACSHA256.HashData(
        Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{post.Headers["VBackup-Timestamp"]}.{post.Body}")));

    [Fact]
    public async Task A_mail_says_what_happened_and_has_its_own_id_at_every_attempt()
    {
        await using var world = await TellingWorld.MakeAsync(new(OnSuccess: true, Recipients: ["ada@receiver.example"]));
        world.Mail.ToRecipient = "451 later";
        await world.RunEndsAsync(RunState.Succeeded);
        await world.DeliverAsync();
        Assert.Equal((NotificationState.Waiting, "the mail server refused it (451): later"),
            ((await world.OnlyAsync()).State, (await world.OnlyAsync()).LastError));
        world.Mail.ToRecipient = "250 ok";
        await world.PassAsync(TimeSpan.FromMinutes(1));
        var mail = Assert.Single(world.Mail.Mails);
        Assert.Equal("vbackup@sender.example", mail.From);
        foreach (var line in (string[])["Subject: Backup of web succeeded", "Server: web (hn1/id-of-web)", "Stored: 5 bytes",
            "Auto-Submitted: auto-generated",
            $"Message-Id: <{(await world.OnlyAsync()).Id}@sender.example>"])
            Assert.Contains(line, mail.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_recipient_that_the_mail_server_does_not_know_is_given_up_at_once()
    {
        await using var world = await TellingWorld.MakeAsync(new(OnSuccess: true, Recipients: ["nobody@receiver.example"]));
        world.Mail.ToRecipient = "550 no such user";
        await world.RunEndsAsync(RunState.Succeeded);
        await world.DeliverAsync();
        var given = await world.OnlyAsync();
        Assert.Equal((NotificationState.GivenUp, "the mail server refused it (550): no such user"), (given.State, given.LastError));
    }

    [Fact]
    public async Task The_password_is_read_from_its_file_and_shown()
    {
        await using var world = await TellingWorld.MakeAsync(new(OnSuccess: true, Recipients: ["ada@receiver.example"]));
        var file = Path.GetTempFileName();
        try
        {
            world.Mail.Credentials = Convert.ToBase64String(Encoding.UTF8.GetBytes("\0mailer\0right"));
            world.Smtp = world.Smtp with { User = "mailer", PasswordFile = file };
            await File.WriteAllTextAsync(file, "wrong\n");
            await world.RunEndsAsync(RunState.Succeeded);
            await world.DeliverAsync();
            var failed = await world.OnlyAsync();
            Assert.Equal(NotificationState.Waiting, failed.State);
            Assert.Contains("did not take the user and password", failed.LastError, StringComparison.Ordinal);
            Assert.DoesNotContain("wrong", failed.LastError, StringComparison.Ordinal);
            // Changed without a new start.
            await File.WriteAllTextAsync(file, "right\n");
            await world.PassAsync(TimeSpan.FromMinutes(1));
            Assert.Single(world.Mail.Mails);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData(true, "does not offer what Smtp:Security")]
    [InlineData(false, "the setting Smtp:Host names one")]
    public async Task Mail_waits_for_a_server_that_can_be_used(bool hasServer, string reason)
    {
        await using var world = await TellingWorld.MakeAsync(new(OnSuccess: true, Recipients: ["ada@receiver.example"]));
        // This one offers no TLS, without which nothing is told it.
        world.Smtp = hasServer ? world.Smtp with { Security = SmtpSecurity.StartTls } : new();
        await world.RunEndsAsync(RunState.Succeeded);
        await world.DeliverAsync();
        var waiting = await world.OnlyAsync();
        Assert.Equal(NotificationState.Waiting, waiting.State);
        Assert.Contains(reason, waiting.LastError, StringComparison.Ordinal);
        Assert.Empty(world.Mail.Mails);
    }

    [Theory]
    [InlineData(200, NotificationState.Delivered)]
    [InlineData(202, NotificationState.Delivered)]
    [InlineData(302, NotificationState.GivenUp)]
    [InlineData(400, NotificationState.GivenUp)]
    [InlineData(401, NotificationState.GivenUp)]
    [InlineData(404, NotificationState.GivenUp)]
    [InlineData(410, NotificationState.GivenUp)]
    [InlineData(408, NotificationState.Waiting)]
    [InlineData(425, NotificationState.Waiting)]
    [InlineData(429, NotificationState.Waiting)]
    [InlineData(500, NotificationState.Waiting)]
    [InlineData(503, NotificationState.Waiting)]
    public async Task What_a_webhook_answers_says_whether_it_is_tried_again(int status, NotificationState state)
    {
        await using var world = await ToldWebhookAsync("/hook");
        world.Receiver.Statuses["/hook"] = status;
        await world.DeliverAsync();
        var told = await world.OnlyAsync();
        Assert.Equal(state, told.State);
        if (state != NotificationState.Delivered) Assert.Contains($"it answered {status}", told.LastError, StringComparison.Ordinal);
        // Nobody went where it was sent to.
        Assert.Equal(["/hook"], world.Receiver.Posts.Select(post => post.Path));
    }

    [Fact]
    public async Task A_receiver_that_was_down_is_told_later_under_the_same_id()
    {
        await using var world = await ToldWebhookAsync("/hook");
        world.Receiver.Statuses["/hook"] = 503;
        await world.DeliverAsync();
        await world.PassAsync(TimeSpan.FromSeconds(20));
        Assert.Single(world.Receiver.Posts);
        await world.PassAsync(TimeSpan.FromSeconds(20));
        world.Receiver.Statuses["/hook"] = 200;
        await world.PassAsync(TimeSpan.FromMinutes(2));
        Assert.Equal(3, world.Receiver.Posts.Count);
        Assert.Single(world.Receiver.Posts.Select(post => post.Headers[WebhookSender.IdHeader]).Distinct());
        Assert.Single(world.Receiver.Posts.Select(post => post.Body).Distinct());
        // Signed anew, or receivers would take it for a repeated one.
        Assert.Equal(3, world.Receiver.Posts.Select(post => post.Headers[WebhookSender.SignatureHeader]).Distinct().Count());
        Assert.Equal(NotificationState.Delivered, (await world.OnlyAsync()).State);
    }

    [Fact]
    public async Task A_receiver_says_when_it_wants_to_be_asked_again()
    {
        await using var world = await ToldWebhookAsync("/hook");
        (world.Receiver.Statuses["/hook"], world.Receiver.RetryAfter) = (429, "600");
        await world.DeliverAsync();
        Assert.Equal(world.Portal.Clock.GetUtcNow().AddSeconds(600), (await world.OnlyAsync()).NextAttemptAt);
    }

    [Fact]
    public async Task After_about_a_day_it_is_given_up_and_shown()
    {
        await using var world = await ToldWebhookAsync("/hook");
        world.Receiver.Statuses["/hook"] = 500;
        var began = world.Portal.Clock.GetUtcNow();
        while ((await world.OnlyAsync()) is { NextAttemptAt: { } next })
        {
            var pause = next - world.Portal.Clock.GetUtcNow();
            await world.PassAsync(pause > TimeSpan.Zero ? pause : TimeSpan.Zero);
        }
        Assert.Equal(Notification.AttemptsMax, world.Receiver.Posts.Count);
        Assert.InRange(world.Portal.Clock.GetUtcNow() - began, TimeSpan.FromHours(17), TimeSpan.FromHours(32));
        var shown = (await world.Portal.GetAsync("/api/v1/notifications?state=givenUp", await world.Portal.MemberAsync())).Is(200);
        Assert.Equal(["it answered 500"], shown.Items("lastError"));
    }

    [Fact]
    public async Task A_receiver_that_never_answers_is_left()
    {
        await using var world = await ToldWebhookAsync("/hangs");
        var delivering = world.DeliverAsync();
        await world.Receiver.Hangs.Task;
        world.Portal.Clock.Advance(new WebhookSettings().Timeout);
        await delivering;
        Assert.Equal("there was no answer in time", (await world.OnlyAsync()).LastError);
    }

    [Fact]
    public async Task Who_dies_in_an_attempt_has_only_lost_time()
    {
        await using var world = await ToldWebhookAsync("/hangs");
        using var killed = new CancellationTokenSource();
        var delivering = world.NewDelivery().TurnAsync(killed.Token);
        await world.Receiver.Hangs.Task;
        await killed.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => delivering);
        await world.DeliverAsync();
        Assert.Single(world.Receiver.Posts);
        var again = world.PassAsync(Notification.AttemptMax);
        await world.Receiver.DisposeAsync();
        await again;
        Assert.Equal(2, (await world.OnlyAsync()).Attempts);
    }

    [Fact]
    public async Task Of_two_replicas_one_delivers()
    {
        await using var world = await ToldWebhookAsync("/hook");
        for (var i = 0; i < 7; i++) await world.RunEndsAsync(RunState.Failed);
        await Task.WhenAll(DrainAsync(), DrainAsync(), DrainAsync());
        Assert.Equal(8, world.Receiver.Posts.Count);
        Assert.Equal(8, world.Receiver.Posts.Select(post => post.Headers[WebhookSender.IdHeader]).Distinct().Count());

        async Task DrainAsync()
        {
            var delivery = world.NewDelivery();
            while (await delivery.TurnAsync(default)) { /* Until there is no more. */ }
        }
    }

    [Fact]
    public async Task However_much_one_project_is_to_be_told_another_is_told_with_it()
    {
        await using var world = await TellingWorld.MakeAsync();
        await AddAsync(world, world.Portal.Ids.New<ProjectId>(), 250);
        world.Portal.Clock.Advance(TimeSpan.FromSeconds(1));
        var modest = world.Portal.Ids.New<ProjectId>();
        await AddAsync(world, modest, 1);
        Assert.True(await world.NewDelivery().TurnAsync(default));
        var over = (await world.NotificationsAsync()).Where(one => one.State != NotificationState.Waiting).ToList();
        Assert.Single(over, one => one.Project == modest);
        Assert.Equal(4, over.Count(one => one.Project != modest));
    }

    [Fact]
    public async Task Projects_take_turns_when_there_are_more_than_are_told_at_once()
    {
        await using var world = await TellingWorld.MakeAsync();
        for (var i = 0; i < 17; i++) await AddAsync(world, world.Portal.Ids.New<ProjectId>(), 20);
        world.Portal.Clock.Advance(TimeSpan.FromSeconds(1));
        var modest = world.Portal.Ids.New<ProjectId>();
        await AddAsync(world, modest, 1);
        var delivery = world.NewDelivery();
        for (var turn = 0; turn < 2; turn++) Assert.True(await delivery.TurnAsync(default));
        Assert.Equal(NotificationState.GivenUp, (await world.NotificationsAsync()).Single(one => one.Project == modest).State);
    }

    // For a webhook that is not there any more: an attempt ends at once.
    static Task AddAsync(TellingWorld world, ProjectId project, int count) => world.Portal.Changes.MakeAsync(change =>
    {
        for (var i = 0; i < count; i++)
            change.Db.Notifications.Add(new(new(NotificationChannel.Webhook, "gone", change.NewId<WebhookId>()),
                new(NotificationBody.VersionNow, change.NewId<NotificationId>(), NotificationEvent.Test, change.Now, project, "a try",
                    Server: null, Run: null, Location: null)));
        return Task.CompletedTask;
    }, default);

    [Fact]
    public async Task What_is_over_is_shown_for_a_month()
    {
        await using var world = await ToldWebhookAsync("/hook");
        await world.DeliverAsync();
        await world.PassAsync(NotificationDelivery.Kept);
        Assert.Single(await world.NotificationsAsync());
        await world.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Empty(await world.NotificationsAsync());
    }

    [Fact]
    public void Pauses_double_up_to_four_hours_and_are_spread()
    {
        Assert.Equal([22.5, 45, 90, 180], Enumerable.Range(1, 4).Select(attempt => DeliveryRetries.PauseBehind(attempt, 0).TotalSeconds));
        Assert.Equal(TimeSpan.FromHours(3), DeliveryRetries.PauseBehind(1000, 0));
        Assert.Equal(TimeSpan.FromHours(5), DeliveryRetries.PauseBehind(14, 1));
        Assert.Equal(TimeSpan.FromHours(4), DeliveryRetries.PauseBehind(1, 0, TimeSpan.FromDays(30)));
        Assert.Equal("22.5", DeliveryRetries.PauseBehind(1, 0, TimeSpan.FromDays(-1)).TotalSeconds.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>A failed run, of which a webhook at this path is to be told.</summary>
    static async Task<TellingWorld> ToldWebhookAsync(string path)
    {
        var world = await TellingWorld.MakeAsync();
        var (webhook, _) = await world.WebhookAsync("hook", path);
        await world.RuleAsync(new(OnFailure: true, Webhooks: [webhook]));
        await world.RunEndsAsync(RunState.Failed);
        return world;
    }
}
