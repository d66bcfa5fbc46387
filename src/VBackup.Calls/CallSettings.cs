using System.Net;

namespace VBackup.Calls;

/// <summary>What settings of calls are called.</summary>
public static class CallSettings
{
    /// <summary>Where the service listens.</summary>
    public const string Listen = "Calls:Listen";

    /// <summary>PEM files with what the listener shows of itself, and its key.</summary>
    public const string CertificateFile = "Calls:CertificateFile", KeyFile = "Calls:KeyFile";

    /// <summary>Where who calls finds the service.</summary>
    public const string Service = "Calls:Service";

    /// <summary>A PEM file with who may have signed the service's certificate; without, whom the system trusts.</summary>
    public const string AuthorityFile = "Calls:AuthorityFile";

    /// <summary>The file with the credential that services show each other.</summary>
    public const string ServiceCredentialFile = "Calls:ServiceCredentialFile";

    /// <summary>The file with a worker's own credential.</summary>
    public const string WorkerCredentialFile = "Calls:WorkerCredentialFile";

    /// <summary>Whether nobody on the way to it can listen. A name stands for whatever a server of names says, but for this one.</summary>
    internal static bool IsLoopback(string host) =>
        host == "localhost" || IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address);
}
