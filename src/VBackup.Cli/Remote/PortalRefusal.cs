using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary>A refusal of the API, as it is sent.</summary>
sealed record ProblemView(string? Code = null, string? Detail = null, string? Field = null, string? Permission = null);

/// <summary>The Portal answered, and refused.</summary>
/// <param name="token">That was shown, if any.</param>
sealed class PortalRefusalException(int status, ProblemView problem, PortalUrl url, string? token, TimeSpan? retryAfter)
    : Exception(Describe(status, problem, url, token is not null, retryAfter))
{
    /// <summary>Such as <c>not-found</c>; null when who answered is not the Portal.</summary>
    public string? Code => problem.Code;

    // One line, which names what is wrong and what to do about it.
    static string Describe(int status, ProblemView problem, PortalUrl url, bool hasToken, TimeSpan? retryAfter)
    {
        var detail = problem.Detail is { Length: > 0 } text ? Clause(text) : null;
        return problem.Code switch
        {
            null => $"{url} does not answer as the Portal does (status {status}): is it the right URL?",
            "wrong-input" or "idempotency-key-reused" => $"refused: {problem.Field ?? "the request"}: {detail ?? "it is not understood"}",
            "credentials-needed" => $"{url} asks who you are: sign in with 'vbackup login {url} --user NAME'",
            "wrong-credentials" when hasToken => $"{detail ?? "not recognised"}; sign in with 'vbackup login {url} --user NAME'",
            "permission-needed" when problem.Permission is "administrator" => "not allowed: it is for administrators of the system",
            "permission-needed" when problem.Permission is { } permission =>
                $"not allowed: your role in the project lacks {permission}; ask somebody who manages access for it",
            "session-needed" => $"{detail ?? "a token is not enough"}: sign in with 'vbackup login {url} --user NAME'",
            "outdated" => "somebody changed it meanwhile, so nothing was done: look at it, and try again",
            "too-many-requests" =>
                $"too many requests or failed sign-ins: try again in {Units.Duration(retryAfter ?? TimeSpan.FromMinutes(1))}",
            "internal-error" => $"{url} failed at it; its log says why",
            _ => detail ?? $"{url} refuses ({problem.Code})",
        };
    }

    // As the other lines of the program: without a capital and a full stop.
    static string Clause(string sentence)
    {
        var text = sentence.TrimEnd('.');
        return text is [var first, var second, ..] && char.IsUpper(first) && !char.IsUpper(second)
            ? char.ToLowerInvariant(first) + text[1..] : text;
    }
}

/// <summary>Nobody knows whether the Portal did what it was asked for: no answer came.</summary>
sealed class PortalUnreachableException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What was asked for may have been done all the same.</summary>
    public bool MayHaveBeenHeard { get; init; }
}
