namespace VBackup.Portal.Api;

/// <summary>Why a request was refused. Clients rely on the texts, so they stay as they are; all of them stand in docs/api.md.</summary>
public sealed class ProblemCode
{
    static readonly List<ProblemCode> s_all = [];

    ProblemCode(string text, int status, string title)
    {
        (Text, Status, Title) = (text, status, title);
        s_all.Add(this);
    }

    public static IReadOnlyList<ProblemCode> All => s_all;

    public static ProblemCode WrongInput { get; } = new("wrong-input", 400, "The request is not understood.");
    public static ProblemCode CredentialsNeeded { get; } = new("credentials-needed", 401, "Sign in, or show a token.");
    public static ProblemCode WrongCredentials { get; } = new("wrong-credentials", 401, "What was shown lets nobody in.");
    public static ProblemCode PasswordChangeRequired { get; } =
        new("password-change-required", 403, "Choose a password of your own first.");
    public static ProblemCode PermissionNeeded { get; } = new("permission-needed", 403, "You may not do this.");
    public static ProblemCode SessionNeeded { get; } = new("session-needed", 403, "Only somebody who signed in may do this.");
    public static ProblemCode NotFound { get; } = new("not-found", 404, "There is no such thing.");
    public static ProblemCode MethodNotAllowed { get; } = new("method-not-allowed", 405, "This cannot be done with it.");
    public static ProblemCode NameTaken { get; } = new("name-taken", 409, "Another one has this name.");
    public static ProblemCode InUse { get; } = new("in-use", 409, "Something still needs it.");
    public static ProblemCode LimitReached { get; } = new("limit-reached", 409, "There are as many as there may be.");
    public static ProblemCode LastAdministrator { get; } = new("last-administrator", 409, "Nobody would be left to manage the system.");
    public static ProblemCode SystemDefault { get; } = new("system-default", 409, "It is a default of the system, and stays as it is.");
    public static ProblemCode PolicyInUse { get; } = new("policy-in-use", 409, "Plans use this policy.");
    public static ProblemCode PlanExists { get; } = new("plan-exists", 409, "The server has a plan already.");
    public static ProblemCode PlanPaused { get; } = new("plan-paused", 409, "The plan is paused.");
    public static ProblemCode ServerGone { get; } = new("server-gone", 409, "The server is not there any more.");
    public static ProblemCode VolumeChanged { get; } = new("volume-changed", 409, "A volume of the server is not what it was.");
    public static ProblemCode NoDefaultLocation { get; } = new("no-default-location", 409, "The project has no default location.");
    public static ProblemCode RunGoingOn { get; } = new("run-going-on", 409, "A run of this server is going on.");
    public static ProblemCode RunOver { get; } = new("run-over", 409, "The run is over.");
    public static ProblemCode PointNotActive { get; } = new("point-not-active", 409, "The point cannot be used as it is now.");
    public static ProblemCode PointNotInBin { get; } = new("point-not-in-bin", 409, "The point is not in the bin.");
    public static ProblemCode PointProtected { get; } = new("point-protected", 409, "Somebody has protected it.");
    public static ProblemCode PointLocked { get; } = new("point-locked", 409, "A location's lock holds it.");
    public static ProblemCode LockFinal { get; } = new("lock-final", 409, "The lock stays as it is.");
    public static ProblemCode LocationInUse { get; } = new("location-in-use", 409, "Something still needs this location.");
    public static ProblemCode NoImageFolder { get; } = new("no-image-folder", 409, "There is no folder for images.");
    public static ProblemCode NoKey { get; } = new("no-key", 409, "The project has no key yet.");
    public static ProblemCode KeyRotating { get; } = new("key-rotating", 409, "The last new key is not everywhere yet.");
    public static ProblemCode KeyErased { get; } = new("key-erased", 409, "The project's key was erased.");
    public static ProblemCode SnapshotNotReady { get; } = new("snapshot-not-ready", 409, "The snapshot cannot be gone back to.");
    public static ProblemCode SnapshotInUse { get; } = new("snapshot-in-use", 409, "Backups need this snapshot.");
    public static ProblemCode TooManySnapshots { get; } = new("too-many-snapshots", 409, "There are as many snapshots as there may be.");
    public static ProblemCode Outdated { get; } = new("outdated", 412, "It was changed since you read it.");
    public static ProblemCode BodyTooLarge { get; } = new("body-too-large", 413, "The request is too large.");
    public static ProblemCode WrongMediaType { get; } = new("wrong-media-type", 415, "A request's body is JSON.");
    public static ProblemCode IdempotencyKeyReused { get; } = new("idempotency-key-reused", 422, "The key was used for another request.");
    public static ProblemCode VersionNeeded { get; } = new("version-needed", 428, "Say which version you change.");
    public static ProblemCode TooManyRequests { get; } = new("too-many-requests", 429, "Wait a little.");
    public static ProblemCode TooManyStreams { get; } = new("too-many-streams", 429, "Follow fewer runs at once.");
    public static ProblemCode BrokerUnavailable { get; } = new("broker-unavailable", 503, "The message broker cannot be used now.");
    public static ProblemCode InternalError { get; } = new("internal-error", 500, "This is a fault of ours.");

    /// <summary>The code of a use case's refusal.</summary>
    /// <exception cref="InvalidOperationException">It is none of those above, so no client could know it.</exception>
    public static ProblemCode Named(string text) => s_all.Find(one => one.Text == text)
        ?? throw new InvalidOperationException($"There is no code {text}; docs/api.md has all of them.");

    /// <summary>In JSON.</summary>
    public string Text { get; }

    /// <summary>Of HTTP.</summary>
    public int Status { get; }
    public string Title { get; }

    public override string ToString() => Text;
}
