using System.Text.Json;
using VBackup.Clouds.Libvirt.Domains;
using VBackup.Clouds.Libvirt.Native;

namespace VBackup.Clouds.Libvirt;

public sealed partial class LibvirtHypervisor
{
    // libvirt's own limit comes first; this much later its daemon hangs, not the agent.
    private static readonly TimeSpan s_agentGrace = TimeSpan.FromSeconds(1);

    private TimeSpan AgentCallLimit => _settings.AgentLimit + s_agentGrace;

    public async Task<int?> FreezeAsync(string name, CancellationToken cancellation) =>
        await CallAgentAsync<int?>("freeze", name, null, domain =>
            LibvirtError.Check(LibvirtLibrary.virDomainFSFreeze(domain, 0, 0, 0), "freeze", name), cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    /// <remarks>A server that does not run, or whose guest has no agent, has nobody who could have frozen it:
    /// false.</remarks>
    public async Task<bool> IsFrozenAsync(string name, CancellationToken cancellation) =>
        await CallAgentAsync("ask whether it is frozen", name, false, domain =>
        {
            const string operation = "ask whether it is frozen";
            var answer = LibvirtError.TakeText(
                LibvirtLibrary.virDomainQemuAgentCommand(
                    domain, """{"execute":"guest-fsfreeze-status"}""", AgentLimitSeconds, 0), operation, name);
            return IsFrozen(answer) ?? throw new CloudException(
                CloudFailure.Other, operation, name, "the agent's answer makes no sense: " + answer[..Math.Min(answer.Length, 200)]);
        }, cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    /// <remarks>A server that does not run any more, or is gone, has nothing left to let go: 0.</remarks>
    public async Task<int> ThawAsync(string name, CancellationToken cancellation) =>
        await CallAgentAsync("thaw", name, 0, domain =>
            LibvirtError.Check(LibvirtLibrary.virDomainFSThaw(domain, 0, 0, 0), "thaw", name), cancellation).ConfigureAwait(false);

    /// <summary>Null when it is no answer of an agent.</summary>
    internal static bool? IsFrozen(string answer)
    {
        try
        {
            using var json = JsonDocument.Parse(answer);
            return json.RootElement.ValueKind is JsonValueKind.Object
                && json.RootElement.TryGetProperty("return", out var status) && status.ValueKind is JsonValueKind.String
                ? status.GetString() switch { "frozen" => true, "thawed" => false, _ => null }
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private int AgentLimitSeconds => (int)_settings.AgentLimit.TotalSeconds;

    /// <param name="withoutAgent">The answer for a guest that has no agent, or does not run.</param>
    private Task<T> CallAgentAsync<T>(
        string operation, string name, T withoutAgent, Func<DomainHandle, T> call, CancellationToken cancellation) =>
        CallAsync(operation, name, domain =>
        {
            // Asked first, since libvirt says the same of an agent that is not there and of one that hangs.
            if (!IsActive(domain, name) || !AgentChannel.IsConnected(DomainXml.Parse(Xml(domain, name, flags: 0), name)))
                return withoutAgent;
            LimitAgent(domain, name);
            return call(domain);
        }, cancellation, AgentCallLimit);

    /// <summary>Without a limit libvirt waits for an agent for ever, and so does everybody who asks for it
    /// next.</summary>
    private void LimitAgent(DomainHandle domain, string name) =>
        LibvirtError.Check(
            LibvirtLibrary.virDomainAgentSetResponseTimeout(domain, AgentLimitSeconds, 0), "limit the agent", name);
}
