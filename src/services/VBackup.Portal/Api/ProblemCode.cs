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
    public static ProblemCode LastAdministrator { get; } = new("last-administrator", 409, "Nobody would be left to manage the system.");
    public static ProblemCode Outdated { get; } = new("outdated", 412, "It was changed since you read it.");
    public static ProblemCode BodyTooLarge { get; } = new("body-too-large", 413, "The request is too large.");
    public static ProblemCode WrongMediaType { get; } = new("wrong-media-type", 415, "A request's body is JSON.");
    public static ProblemCode IdempotencyKeyReused { get; } = new("idempotency-key-reused", 422, "The key was used for another request.");
    public static ProblemCode VersionNeeded { get; } = new("version-needed", 428, "Say which version you change.");
    public static ProblemCode TooManyRequests { get; } = new("too-many-requests", 429, "Wait a little.");
    public static ProblemCode InternalError { get; } = new("internal-error", 500, "This is a fault of ours.");

    /// <summary>In JSON.</summary>
    public string Text { get; }

    /// <summary>Of HTTP.</summary>
    public int Status { get; }
    public string Title { get; }

    public override string ToString() => Text;
}
