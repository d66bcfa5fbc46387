namespace VBackup.Portal.Api;

/// <summary>What came of a creation that had an <c>Idempotency-Key</c>: asking again gives the same answer and makes nothing.</summary>
public sealed class RememberedCreation
{
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    RememberedCreation() { }

    /// <param name="requestDigest">Of the request's body as it was understood.</param>
    /// <param name="body">Without what is told only once.</param>
    public RememberedCreation(string caller, string route, string key, byte[] requestDigest, string location, byte[] body, long? version,
        bool goesOn, DateTimeOffset at)
    {
        (Caller, Route, Key, RequestDigest) = (caller, route, key, requestDigest);
        (Location, Body, ThingVersion, GoesOn, At) = (location, body, version, goesOn, at);
    }

    /// <summary>A user in a project.</summary>
    public string Caller { get; private set; } = "";
    public string Route { get; private set; } = "";
    public string Key { get; private set; } = "";
    public byte[] RequestDigest { get; private set; } = [];
    public string Location { get; private set; } = "";
    public byte[] Body { get; private set; } = [];

    /// <summary>Of what was made, at that time.</summary>
    public long? ThingVersion { get; private set; }

    /// <summary>It was not done yet when it was answered.</summary>
    public bool GoesOn { get; private set; }
    public DateTimeOffset At { get; private set; }
}
