using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace VBackup.Cli.Remote;

/// <summary>Trusts a Portal whose certificate is good, as anybody would, and knows in our own words why another is not.
/// Thread-safe.</summary>
sealed class PortalTrust
{
    volatile string? _fault;

    public bool Judge(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        _fault = errors == SslPolicyErrors.None ? null
            : errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable) ? "it shows no certificate"
            : errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) ? "its certificate is for another name"
            : chain?.ChainStatus.Any(one => one.Status.HasFlag(X509ChainStatusFlags.NotTimeValid)) == true
                ? "its certificate is not valid now: it may have run out, or this machine's clock is wrong"
            : "nobody whom this machine trusts vouches for its certificate";
        return errors == SslPolicyErrors.None;
    }

    /// <summary>Why TLS was not agreed.</summary>
    public string Describe(PortalUrl url) => _fault is { } fault
        ? $"{url} cannot be trusted, so nothing was sent: {fault}"
        : $"{url} does not speak TLS, or none that this machine takes, so nothing was sent: is it the right port, or is it http:// there?";
}
