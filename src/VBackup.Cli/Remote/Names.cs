namespace VBackup.Cli.Remote;

/// <summary>What policies, locations and webhooks are called, for people: ids stand in for names that the caller may not list.</summary>
sealed class Names
{
    readonly Dictionary<string, string> _policies = [], _locations = [], _webhooks = [];

    Names() { }

    /// <summary>Asks for them only where somebody reads them.</summary>
    public static async Task<Names> OfAsync(PortalCall call)
    {
        var names = new Names();
        if (call.Screen.IsJson) return names;
        await ReadAsync(call, "policies", RemoteJson.Default.PolicyView, one => names._policies[one.Id] = one.Name).ConfigureAwait(false);
        await ReadAsync(call, "locations", RemoteJson.Default.LocationView, one => names._locations[one.Id] = one.Name)
            .ConfigureAwait(false);
        return names;
    }

    /// <summary>Of the webhooks that a policy tells, if it tells any.</summary>
    public static async Task<Names> OfWebhooksAsync(PortalCall call, NotificationView notification)
    {
        var names = new Names();
        if (call.Screen.IsJson || notification.Webhooks is not { Count: > 0 }) return names;
        await ReadAsync(call, "webhooks", RemoteJson.Default.WebhookView, one => names._webhooks[one.Id] = one.Name).ConfigureAwait(false);
        return names;
    }

    public string Policy(string id) => _policies.GetValueOrDefault(id, id);

    public string Location(string id) => _locations.GetValueOrDefault(id, id);

    public string Webhook(string id) => _webhooks.GetValueOrDefault(id, id);

    static async Task ReadAsync<T>(PortalCall call, string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type,
        Action<T> read)
    {
        try
        {
            await foreach (var one in call.Portal.ListAsync(path, type, call.Stop).ConfigureAwait(false)) read(one.Value);
        }
        catch (PortalRefusalException refusal) when (refusal.Code == "permission-needed")
        {
            // Then their ids are shown.
        }
    }
}
