using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup policy</c></summary>
static class Policies
{
    static readonly Argument<string> s_policy = new("POLICY") { Description = "A policy's name or id." };

    public static Command Define() => new("policy", "Say when servers are backed up and what is kept.")
    {
        NewPolicy.Define(),
        PortalCall.Define("list", "List the project's policies, and the system's.", ListAsync),
        PortalCall.Define("show", "Show a policy.", ShowAsync, s_policy),
        PortalCall.Define("delete", "Delete a policy that no plan uses.", DeleteAsync, s_policy),
    };

    static async Task ListAsync(PortalCall call)
    {
        var table = new TextTable("POLICY", "OF", "TIME", "ZONE", "RULES");
        await foreach (var policy in call.Portal.ListAsync("policies", RemoteJson.Default.PolicyView, call.Stop).ConfigureAwait(false))
        {
            call.Screen.Event("policy", policy.Json);
            var one = policy.Value;
            table.Add(one.Name, one.IsSystemDefault ? "system" : "project", one.Rules.LaunchTime, one.Rules.Zone,
                string.Join("; ", PolicyText.RulesOf(one.Rules).Select(rule => $"{rule.Name} {rule.Text}".TrimEnd())));
        }
        call.Show(table, "policies");
    }

    static async Task ShowAsync(PortalCall call)
    {
        var policy = await Choice.PolicyAsync(call, call.Get(s_policy)).ConfigureAwait(false);
        call.Screen.Event("policy", policy.Json);
        call.Screen.Line(await TextOfAsync(call, policy.Value).ConfigureAwait(false));
    }

    static async Task DeleteAsync(PortalCall call)
    {
        var policy = await Choice.PolicyAsync(call, call.Get(s_policy)).ConfigureAwait(false);
        await call.Portal.DeleteAsync($"policies/{policy.Value.Id}", policy.Version, call.Stop).ConfigureAwait(false);
        call.Screen.Event("completed", policy.Json);
        call.Screen.Line($"deleted policy '{policy.Value.Name}'");
    }

    public static async Task<string> TextOfAsync(PortalCall call, PolicyView policy)
    {
        var facts = new FactSheet();
        facts.Add("policy", policy.Name);
        facts.Add("id", policy.Id);
        facts.Add("of", policy.IsSystemDefault ? "the system; nobody changes it" : "the project");
        facts.Add("time", $"{policy.Rules.LaunchTime} {policy.Rules.Zone}");
        foreach (var (name, text) in PolicyText.RulesOf(policy.Rules)) facts.Add(name, text.Length == 0 ? "yes" : text);
        if (policy.Rules.Notification is { } notification)
            facts.Add("tells", PolicyText.TellsOf(notification, await Names.OfWebhooksAsync(call, notification).ConfigureAwait(false)));
        return facts.ToString();
    }
}
