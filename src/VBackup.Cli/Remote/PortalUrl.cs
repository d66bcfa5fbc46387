using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary>Where a Portal is. Tokens and passwords are sent to it, so it is HTTPS, or on this machine.</summary>
/// <param name="Text">In the one form that it is stored and shown in: without a slash at the end.</param>
sealed record PortalUrl(string Text)
{
    // It becomes the name of a file.
    const int LengthMax = 200;
    const string ApiPath = "/api/v1";

    /// <exception cref="UsageException">It is none, or nothing secret may be sent there.</exception>
    public static PortalUrl Read(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0)
            throw new UsageException("the Portal's URL is written as https://backup.example.org, or http://127.0.0.1:8080 on this machine");
        // Not shown: there may be a password in it.
        if (uri.UserInfo.Length > 0 || uri.Query.Length > 0 || uri.Fragment.Length > 0)
            throw new UsageException("the Portal's URL has a host and a path: leave out user, password, '?' and '#'");
        if (uri.Scheme == "http" && !uri.IsLoopback)
            throw new UsageException($"{text}: without TLS, passwords and tokens go to this machine only; use https://");
        var path = uri.AbsolutePath.TrimEnd('/');
        // As it is shown at the first start and in the documents, both are at hand.
        if (path.EndsWith(ApiPath, StringComparison.Ordinal)) path = path[..^ApiPath.Length];
        var url = uri.GetLeftPart(UriPartial.Authority) + path;
        return url.Length <= LengthMax ? new(url) : throw new UsageException($"the Portal's URL has more than {LengthMax} letters");
    }

    /// <summary>What paths of the API are added to.</summary>
    public Uri Api => new($"{Text}{ApiPath}/");

    public bool IsThisMachine => Api.IsLoopback;

    public override string ToString() => Text;
}
