using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup webhook</c>: addresses that policies tell by a signed request (docs/notifications.md).</summary>
static class Webhooks
{
    static readonly Argument<string> s_name = new("NAME") { Description = "What policies call it." };
    static readonly Argument<string> s_url = new("URL") { Description = "Where it is sent to: https://…" };
    static readonly Argument<string> s_webhook = new("WEBHOOK") { Description = "A webhook's name or id." };

    public static Command Define() => new("webhook", "Say which addresses policies may tell.")
    {
        PortalCall.Define("create", "Make a webhook; its secret is shown once.", CreateAsync, s_name, s_url),
        PortalCall.Define("list", "List the project's webhooks.", ListAsync),
        PortalCall.Define("new-secret", "Give a webhook another secret; it is shown once.", RenewAsync, s_webhook),
        PortalCall.Define("test", "Send a webhook a test.", TestAsync, s_webhook),
        PortalCall.Define("delete", "Delete a webhook that no policy tells.", DeleteAsync, s_webhook),
    };

    static async Task CreateAsync(PortalCall call)
    {
        var made = await call.Portal.CreateAsync("webhooks", new(call.Get(s_name), call.Get(s_url)), RemoteJson.Default.WebhookBody,
            RemoteJson.Default.NewWebhookView, call.Stop).ConfigureAwait(false);
        Tell(call, made);
    }

    static async Task RenewAsync(PortalCall call)
    {
        var webhook = (await Choice.WebhookAsync(call, call.Get(s_webhook)).ConfigureAwait(false)).Value;
        var renewed = await call.Portal.CreateAsync($"webhooks/{webhook.Id}/secret", new(), RemoteJson.Default.NothingBody,
            RemoteJson.Default.NewWebhookView, call.Stop).ConfigureAwait(false);
        Tell(call, renewed);
    }

    static void Tell(PortalCall call, Told<NewWebhookView> told)
    {
        if (told.Value.Secret is not { } secret)
            throw new RefusedException("the answer that had the secret was lost on its way: "
                + $"'vbackup webhook new-secret {told.Value.Id}' makes another");
        // It ends with the secret, as with a new token.
        call.Screen.Note($"the secret of webhook '{told.Value.Name}' is not shown again; its receiver knows our requests by it");
        call.Screen.Event("completed", told.Json);
        call.Screen.Line(secret);
    }

    static async Task ListAsync(PortalCall call)
    {
        var table = new TextTable("WEBHOOK", "NAME", "URL", "SECRET", "MADE");
        await foreach (var webhook in call.Portal.ListAsync("webhooks", RemoteJson.Default.WebhookView, call.Stop).ConfigureAwait(false))
        {
            call.Screen.Event("webhook", webhook.Json);
            var one = webhook.Value;
            table.Add(ShortId.Of(one.Id), one.Name, one.Url, one.HasSecret ? "yes" : "lost: nothing is sent",
                LocalTime.Text(one.CreatedAt));
        }
        call.Show(table, "webhooks");
    }

    static async Task TestAsync(PortalCall call)
    {
        var webhook = (await Choice.WebhookAsync(call, call.Get(s_webhook)).ConfigureAwait(false)).Value;
        var sent = await call.Portal.CreateAsync($"webhooks/{webhook.Id}/test", new(), RemoteJson.Default.NothingBody,
            RemoteJson.Default.TestedView, call.Stop).ConfigureAwait(false);
        call.Screen.Event("completed", sent.Json);
        call.Screen.Line($"a test is being sent to webhook '{webhook.Name}' as notification {sent.Value.Notification}");
    }

    static async Task DeleteAsync(PortalCall call)
    {
        var webhook = await Choice.WebhookAsync(call, call.Get(s_webhook)).ConfigureAwait(false);
        await call.Portal.DeleteAsync($"webhooks/{webhook.Value.Id}", version: null, call.Stop).ConfigureAwait(false);
        call.Screen.Event("completed", webhook.Json);
        call.Screen.Line($"deleted webhook '{webhook.Value.Name}'");
    }
}
