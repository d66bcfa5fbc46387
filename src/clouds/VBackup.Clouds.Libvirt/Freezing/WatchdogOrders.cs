using System.Globalization;

namespace VBackup.Clouds.Libvirt.Freezing;

/// <summary>What a freeze watchdog is told when it is started.</summary>
/// <param name="Uri">The hypervisor's address.</param>
/// <param name="Server">Whose guest it lets go.</param>
/// <param name="Limit">From the moment it is armed, the time after which it does.</param>
/// <param name="Quiet">For how long it looks on after it was left alone, and the guest was let go.</param>
internal sealed record WatchdogOrders(string Uri, string Server, TimeSpan Limit, TimeSpan Quiet)
{
    /// <summary>A freeze that a killed process had sent may still be on its way to the agent. Every look of this time
    /// also had to wait for the agent, so nothing that was sent before is left when it is over.</summary>
    public static readonly TimeSpan QuietDefault = TimeSpan.FromSeconds(5);

    public IEnumerable<string> ToArguments() => [Uri, Server, Milliseconds(Limit), Milliseconds(Quiet)];

    /// <summary>Null when they are none.</summary>
    public static WatchdogOrders? FromArguments(IReadOnlyList<string> arguments) =>
        arguments is [var uri, var server, var limit, var quiet]
            && int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out var limitMilliseconds)
            && int.TryParse(quiet, NumberStyles.None, CultureInfo.InvariantCulture, out var quietMilliseconds)
                ? new(uri, server, TimeSpan.FromMilliseconds(limitMilliseconds), TimeSpan.FromMilliseconds(quietMilliseconds))
                : null;

    private static string Milliseconds(TimeSpan time) => ((int)time.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
}
