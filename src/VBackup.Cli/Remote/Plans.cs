using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup plan</c>: the protection of a server, which is what names it.</summary>
static class Plans
{
    static readonly Argument<string> s_policy = new("POLICY") { Description = "A policy's name or id." };
    static readonly Argument<string> s_location = new("LOCATION") { Description = "A location's name or id." };
    static readonly Option<string> s_byPolicy = new("--policy")
        { HelpName = "POLICY", Description = "When it is backed up and what is kept; the default one, if not said." };
    static readonly Option<string> s_atLocation = new("--location")
        { HelpName = "LOCATION", Description = "Where its points go; the project's default, if not said." };
    static readonly Option<string[]> s_volumes =
        new("--volume") { HelpName = "NAME", Description = "Only this one of its volumes; may be repeated. All, if not said." };
    static readonly Option<bool> s_includesLater =
        new("--include-later") { Description = "With --volume: also volumes that are attached later." };
    static readonly Option<string> s_note = new("--note") { HelpName = "TEXT", Description = "Why the server is protected, say." };

    public static Command Define() => new("plan", "Protect servers.")
    {
        PortalCall.Define("create", "Protect a server.", CreateAsync, BackUpNow.Server, s_byPolicy, s_atLocation, s_volumes,
            s_includesLater, s_note),
        PortalCall.Define("list", "List the project's plans.", ListAsync),
        PortalCall.Define("show", "Show a server's plan.", ShowAsync, BackUpNow.Server),
        PortalCall.Define("enable", "Let a server's plan run by itself; what was due meanwhile is not made up for.",
            call => SwitchAsync(call, "enable", "enabled"), BackUpNow.Server),
        PortalCall.Define("disable", "Stop new points by policy; those that are there stay.",
            call => SwitchAsync(call, "disable", "disabled"), BackUpNow.Server),
        PortalCall.Define("set-policy", "Give a server's plan another policy; its retention holds a minute later.", SetPolicyAsync,
            BackUpNow.Server, s_policy),
        PortalCall.Define("set-location", "Let a server's points go to another location from now on.", SetLocationAsync, BackUpNow.Server,
            s_location),
    };

    static async Task CreateAsync(PortalCall call)
    {
        var server = (await Choice.ServerAsync(call, call.Get(BackUpNow.Server)).ConfigureAwait(false)).Value;
        var policy = call.Get(s_byPolicy) is { } policyText
            ? (await Choice.PolicyAsync(call, policyText).ConfigureAwait(false)).Value.Id : null;
        var location = call.Get(s_atLocation) is { } locationText
            ? (await Choice.LocationAsync(call, locationText).ConfigureAwait(false)).Value.Id : null;
        var volumes = call.Get(s_volumes) is { Length: > 0 } chosen ? chosen : null;
        if (call.Get(s_includesLater) && volumes is null)
            throw new UsageException("--include-later goes with --volume: without, all volumes are backed up");
        var body = new PlanBody(new(server.Region, server.Id), policy, location, volumes, call.Get(s_includesLater) ? true : null,
            call.Get(s_note));
        var made = await call.Portal.CreateAsync("plans", body, RemoteJson.Default.PlanBody, RemoteJson.Default.PlanView, call.Stop)
            .ConfigureAwait(false);
        await ToldAsync(call, made, "protected").ConfigureAwait(false);
    }

    static async Task ListAsync(PortalCall call)
    {
        var names = await Names.OfAsync(call).ConfigureAwait(false);
        var table = new TextTable("SERVER", "POLICY", "LOCATION", "VOLUMES", "STATE", "NOTE");
        await foreach (var plan in call.Portal.ListAsync("plans", RemoteJson.Default.PlanView, call.Stop).ConfigureAwait(false))
        {
            call.Screen.Event("plan", plan.Json);
            var one = plan.Value;
            table.Add(ServerLabel(one), names.Policy(one.Policy), names.Location(one.Location), Volumes(one), StateOf(one), one.Note);
        }
        call.Show(table, "plans");
    }

    static async Task ShowAsync(PortalCall call)
    {
        var plan = await Choice.PlanAsync(call, call.Get(BackUpNow.Server)).ConfigureAwait(false);
        call.Screen.Event("plan", plan.Json);
        var names = await Names.OfAsync(call).ConfigureAwait(false);
        var (one, facts) = (plan.Value, new FactSheet());
        facts.Add("server", ServerLabel(one));
        facts.Add("plan", one.Id);
        facts.Add("policy", names.Policy(one.Policy));
        facts.Add("location", names.Location(one.Location));
        facts.Add("volumes", Volumes(one));
        facts.Add("state", one.IsEnabled ? "enabled" : "disabled");
        facts.Add("paused", one.PausedBecause);
        facts.Add("note", one.Note.Length == 0 ? null : one.Note);
        call.Screen.Line($"{facts}");
    }

    static async Task SwitchAsync(PortalCall call, string action, string done)
    {
        var plan = await Choice.PlanAsync(call, call.Get(BackUpNow.Server)).ConfigureAwait(false);
        var switched = await call.Portal.PostAsync($"plans/{plan.Value.Id}/{action}", plan.Version, RemoteJson.Default.PlanView, call.Stop)
            .ConfigureAwait(false);
        call.Screen.Event("completed", switched.Json);
        call.Screen.Line($"the plan of {ServerLabel(switched.Value)} is {done}"
            + (switched.Value is { IsEnabled: true, PausedBecause: { } reason } ? $", but nothing is backed up by it: {reason}" : ""));
    }

    static async Task SetPolicyAsync(PortalCall call)
    {
        var policy = await Choice.PolicyAsync(call, call.Get(s_policy)).ConfigureAwait(false);
        await ChangeAsync(call, new(Policy: policy.Value.Id)).ConfigureAwait(false);
    }

    static async Task SetLocationAsync(PortalCall call)
    {
        var location = await Choice.LocationAsync(call, call.Get(s_location)).ConfigureAwait(false);
        await ChangeAsync(call, new(Location: location.Value.Id)).ConfigureAwait(false);
    }

    static async Task ChangeAsync(PortalCall call, PlanChangeBody change)
    {
        var plan = await Choice.PlanAsync(call, call.Get(BackUpNow.Server)).ConfigureAwait(false);
        var changed = await call.Portal.ChangeAsync($"plans/{plan.Value.Id}", plan.Version, change, RemoteJson.Default.PlanChangeBody,
            RemoteJson.Default.PlanView, call.Stop).ConfigureAwait(false);
        await ToldAsync(call, changed, "protected from now on").ConfigureAwait(false);
    }

    static async Task ToldAsync(PortalCall call, Told<PlanView> plan, string what)
    {
        call.Screen.Event("completed", plan.Json);
        var names = await Names.OfAsync(call).ConfigureAwait(false);
        call.Screen.Line($"{ServerLabel(plan.Value)} is {what} by policy '{names.Policy(plan.Value.Policy)}' "
            + $"at location '{names.Location(plan.Value.Location)}'");
    }

    static string ServerLabel(PlanView plan) => $"{plan.Server.Region}/{plan.ServerName}";

    static string Volumes(PlanView plan) =>
        plan.Volumes is { } chosen ? $"{string.Join(", ", chosen)}{(plan.IncludesLater ? ", and later ones" : "")}" : "all";

    static string StateOf(PlanView plan) => !plan.IsEnabled ? "disabled" : plan.PausedBecause is { } reason ? $"paused: {reason}"
        : "enabled";
}
