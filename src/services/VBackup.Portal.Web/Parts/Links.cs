using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Web.Parts;

/// <summary>Where things are.</summary>
static class Links
{
    public static string Server(ServerRef server) => Server(server.Region, server.Id);
    public static string Server(string region, string id) => $"/servers/{Uri.EscapeDataString(region)}/{Uri.EscapeDataString(id)}";
    public static string Plan(PlanId plan) => $"/plans/{plan}";
    public static string NewPlan(ServerRef server) => $"/plans/new?server={Uri.EscapeDataString($"{server.Region}/{server.Id}")}";
    public static string Policy(PolicyId policy) => $"/policies/{policy}";
    public static string Point(RestorePointId point) => $"/points/{point}";
    public static string Points(ServerRef server) => $"/points?server={Uri.EscapeDataString($"{server.Region}/{server.Id}")}";
    public static string Run(RunId run) => $"/runs/{run}";
}
