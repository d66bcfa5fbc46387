using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization.Metadata;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary>Finds what a user names: by its name, by its id or the start of it. What is named must be one thing.</summary>
static class Choice
{
    const int CandidatesShown = 5;

    /// <summary>Past so many, the whole id has to be given.</summary>
    const int LookedThroughMax = 20_000;

    /// <summary>By <c>web-1</c> where that is one, by <c>region/web-1</c>, or by <c>region/id</c>.</summary>
    public static async Task<Told<ServerView>> ServerAsync(PortalCall call, string text)
    {
        var (region, name) = text.Split('/', 2) is [var before, var behind] ? (before, behind) : (null, text);
        List<Told<ServerView>> found = [];
        var path = $"servers?name={Uri.EscapeDataString(name)}{(region is null ? "" : $"&region={Uri.EscapeDataString(region)}")}";
        await foreach (var server in call.Portal.ListAsync(path, RemoteJson.Default.ServerView, call.Stop)
            .ConfigureAwait(false)) found.Add(server);
        if (found.Count == 0 && IsStep(region) && IsStep(name) && await TryGetAsync(call,
            $"servers/{Uri.EscapeDataString(region!)}/{Uri.EscapeDataString(name)}",
            RemoteJson.Default.ServerView).ConfigureAwait(false) is { } byId) return byId;
        // One that went leaves its name to the one that came in its place.
        if (found.Where(one => !one.Value.IsGone).ToList() is [var there]) return there;
        return found switch
        {
            [var one] => one,
            [] => throw new RefusedException($"there is no server '{text}'; 'vbackup server list' shows those that there are"),
            _ => throw Ambiguous("servers are called", text, found.Select(one =>
                found.Count(other => other.Value.Region == one.Value.Region) == 1 ? $"{one.Value.Region}/{one.Value.Name}"
                    : $"{one.Value.Region}/{one.Value.Id}")),
        };
    }

    /// <summary>Whether it may be <c>region/id</c>.</summary>
    public static bool IsRegionAndId(string text, [NotNullWhen(true)] out string? region, [NotNullWhen(true)] out string? id)
    {
        (region, id) = text.Split('/', 2) is [var before, var behind] && IsStep(before) && IsStep(behind) ? (before, behind) : (null, null);
        return region is not null && id is not null;
    }

    /// <summary>By its name or its id.</summary>
    public static async Task<Told<ProjectView>> ProjectAsync(PortalCall call, string text)
    {
        if (Guid.TryParse(text, out var id) && await TryGetAsync(call, $"projects/{id}", RemoteJson.Default.ProjectView)
            .ConfigureAwait(false) is { } byId) return byId;
        await foreach (var named in call.Portal.ListAsync($"projects?name={Uri.EscapeDataString(text)}", RemoteJson.Default.ProjectView,
            call.Stop).ConfigureAwait(false)) return named;
        throw new RefusedException($"there is no project '{text}'");
    }

    public static Task<Told<PolicyView>> PolicyAsync(PortalCall call, string text) =>
        ByNameAsync(call, text, new("policies", "policy", "policies", one => one.Id, one => one.Name, _ => true),
            RemoteJson.Default.PolicyView);

    public static Task<Told<LocationView>> LocationAsync(PortalCall call, string text) =>
        ByNameAsync(call, text, new("locations", "location", "locations", one => one.Id, one => one.Name, _ => true),
            RemoteJson.Default.LocationView);

    /// <summary>One that is gone, or never came to be, has given its name back.</summary>
    public static Task<Told<SnapshotView>> SnapshotAsync(PortalCall call, string text) =>
        ByNameAsync(call, text, new("snapshots", "snapshot", "snapshots", one => one.Id, one => one.Name, one =>
            one.State is not ("removed" or "failed")),
            RemoteJson.Default.SnapshotView);

    public static Task<Told<TokenView>> TokenAsync(PortalCall call, string text) =>
        ByNameAsync(call, text, new("tokens", "token", "tokens", one => one.Id, one => one.Name, one => one.RevokedAt is null,
            CanGet: false),
            RemoteJson.Default.TokenView);

    public static Task<Told<WebhookView>> WebhookAsync(PortalCall call, string text) =>
        ByNameAsync(call, text, new("webhooks", "webhook", "webhooks", one => one.Id, one => one.Name, _ => true),
            RemoteJson.Default.WebhookView);

    public static Task<Told<PointView>> PointAsync(PortalCall call, string text) => ByIdAsync(call, text,
        new("points", "point", "points", one => one.Id, one => one.ServerName, _ => true), RemoteJson.Default.PointView);

    public static Task<Told<RunView>> RunAsync(PortalCall call, string text) => ByIdAsync(call, text,
        new("runs", "run", "runs", one => one.Id, one => one.ServerName, _ => true), RemoteJson.Default.RunView);

    /// <summary>A server's plan, with its version.</summary>
    public static async Task<Told<PlanView>> PlanAsync(PortalCall call, string serverText)
    {
        var server = (await ServerAsync(call, serverText).ConfigureAwait(false)).Value;
        return server.Plan is { } plan
            ? await call.Portal.GetAsync($"plans/{plan}", RemoteJson.Default.PlanView, call.Stop).ConfigureAwait(false)
            : throw new RefusedException($"{server.Name} has no plan; 'vbackup plan create {serverText}' makes one");
    }

    static async Task<Told<T>> ByNameAsync<T>(PortalCall call, string text, Kind<T> kind, JsonTypeInfo<T> type)
    {
        if (!Guid.TryParse(text, out _))
        {
            List<Told<T>> named = [];
            await foreach (var one in call.Portal.ListAsync($"{kind.Path}?name={Uri.EscapeDataString(text)}", type, call.Stop)
                .ConfigureAwait(false))
                if (kind.IsThere(one.Value)) named.Add(one);
            if (named.Count > 1) throw Ambiguous($"{kind.Plural} are called", text, named.Select(one => kind.Id(one.Value)));
            if (named.Count == 1) return await WholeAsync(call, named[0], kind, type).ConfigureAwait(false);
        }
        return await ByIdAsync(call, text, kind, type).ConfigureAwait(false);
    }

    static async Task<Told<T>> ByIdAsync<T>(PortalCall call, string text, Kind<T> kind, JsonTypeInfo<T> type)
    {
        if (kind.CanGet && Guid.TryParse(text, out var id))
            return await TryGetAsync(call, $"{kind.Path}/{id}", type).ConfigureAwait(false) ?? throw NoSuch(kind, text);
        List<Told<T>> found = [];
        if (IsStartOfId(text))
        {
            var looked = 0;
            await foreach (var one in call.Portal.ListAsync(kind.Path, type, call.Stop).ConfigureAwait(false))
            {
                if (++looked > LookedThroughMax)
                    throw new RefusedException(
                        $"there are more than {LookedThroughMax} {kind.Plural}: give the whole id of the one that you mean");
                if (kind.Id(one.Value).StartsWith(text, StringComparison.OrdinalIgnoreCase)) found.Add(one);
            }
        }
        return found switch
        {
            [var one] => await WholeAsync(call, one, kind, type).ConfigureAwait(false),
            [] => throw NoSuch(kind, text),
            _ => throw Ambiguous($"{kind.Plural} begin with", text, found.Select(one => $"{kind.Id(one.Value)} ({kind.Name(one.Value)})")),
        };
    }

    /// <summary>As it is when it is asked for alone: with its version.</summary>
    static async Task<Told<T>> WholeAsync<T>(PortalCall call, Told<T> listed, Kind<T> kind, JsonTypeInfo<T> type) =>
        kind.CanGet ? await call.Portal.GetAsync($"{kind.Path}/{kind.Id(listed.Value)}", type, call.Stop).ConfigureAwait(false) : listed;

    static async Task<Told<T>?> TryGetAsync<T>(PortalCall call, string path, JsonTypeInfo<T> type)
    {
        try
        {
            return await call.Portal.GetAsync(path, type, call.Stop).ConfigureAwait(false);
        }
        catch (PortalRefusalException refusal) when (refusal.Code == "not-found")
        {
            return null;
        }
    }

    // Dots would lead elsewhere, whatever the Portal has there.
    static bool IsStep(string? part) => part is not (null or "" or "." or "..");

    static bool IsStartOfId(string text) => text.Length > 0 && text.All(letter => char.IsAsciiHexDigit(letter) || letter == '-');

    static RefusedException NoSuch<T>(Kind<T> kind, string text) =>
        new($"there is no {kind.Singular} '{text}'; 'vbackup {kind.Singular} list' shows those that there are");

    static RefusedException Ambiguous(string what, string text, IEnumerable<string> candidates)
    {
        var all = candidates.ToList();
        return new($"several {what} '{text}': {string.Join(", ", all.Take(CandidatesShown))}"
            + (all.Count > CandidatesShown ? $" and {all.Count - CandidatesShown} more" : ""));
    }

    /// <param name="IsThere">What is not is not meant by its name.</param>
    /// <param name="CanGet">Whether the API has a route for one alone.</param>
    sealed record Kind<T>(
        string Path, string Singular, string Plural, Func<T, string> Id, Func<T, string> Name, Func<T, bool> IsThere, bool CanGet = true);
}
