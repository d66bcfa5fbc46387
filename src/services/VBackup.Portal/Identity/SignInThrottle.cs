using System.Net;
using System.Net.Sockets;

namespace VBackup.Portal.Identity;

/// <summary>
/// Counts sign-ins that failed, of a user, of an address, and of a user from an address, and refuses more for a while. What it knows is
/// this process's own and bounded. The few guesses from one address do not lock a user out who comes from another; the many from
/// everywhere do. Thread-safe.
/// </summary>
public sealed class SignInThrottle(TimeProvider clock)
{
    public const int FailuresMaxOfUserFromAddress = 5;
    public const int FailuresMaxOfAddress = 30;
    public const int FailuresMaxOfUser = 100;
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(15);

    const int CountsMax = 30_000;
    const int IPv6NetworkBytes = 8;

    readonly Lock _lock = new();
    readonly Dictionary<(string User, string Address), Failures> _counts = [];

    /// <summary>Counts an attempt as failed before it is looked at, so that many at once do not get past.</summary>
    /// <param name="user">As it was given.</param>
    /// <returns>How long to wait, when it is refused; null when it may be tried.</returns>
    public TimeSpan? Begin(string user, IPAddress? address)
    {
        var now = clock.GetUtcNow();
        lock (_lock)
        {
            MakeRoom(now);
            var counted = Keys(user, address).Select(one => (Count: Current(one.Key, now), one.Max)).ToList();
            var full = counted.Where(one => one.Count.Number >= one.Max).Select(one => one.Count.Ends - now).ToList();
            if (full.Count > 0) return full.Max();
            foreach (var (count, _) in counted) count.Number++;
            return null;
        }
    }

    /// <summary>Takes back what <see cref="Begin"/> counted, since the password was right.</summary>
    public void Succeed(string user, IPAddress? address)
    {
        lock (_lock)
            foreach (var (key, _) in Keys(user, address))
                if (_counts.TryGetValue(key, out var count)) count.Number = Math.Max(0, count.Number - 1);
    }

    static IEnumerable<((string, string) Key, int Max)> Keys(string user, IPAddress? address)
    {
        var from = NetworkOf(address);
        yield return ((user, from), FailuresMaxOfUserFromAddress);
        yield return (("", from), FailuresMaxOfAddress);
        yield return ((user, ""), FailuresMaxOfUser);
    }

    /// <summary>Whoever has one address of IPv6 has all of its network.</summary>
    static string NetworkOf(IPAddress? address)
    {
        if (address is null) return "unknown";
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return address.AddressFamily == AddressFamily.InterNetworkV6
            ? Convert.ToHexString(address.GetAddressBytes().AsSpan(0, IPv6NetworkBytes)) : address.ToString();
    }

    Failures Current((string, string) key, DateTimeOffset now)
    {
        if (!_counts.TryGetValue(key, out var count) || count.Ends <= now) _counts[key] = count = new() { Ends = now + Window };
        return count;
    }

    void MakeRoom(DateTimeOffset now)
    {
        if (_counts.Count < CountsMax) return;
        foreach (var (key, count) in _counts)
            if (count.Ends <= now) _counts.Remove(key);
        if (_counts.Count < CountsMax) return;
        // Those who fill it with names that they make up are held by the count of their address, which is kept.
        foreach (var key in _counts.Keys.Where(key => key.User.Length > 0).Take(CountsMax / 2).ToList()) _counts.Remove(key);
    }

    sealed class Failures
    {
        public int Number { get; set; }
        public required DateTimeOffset Ends { get; init; }
    }
}
