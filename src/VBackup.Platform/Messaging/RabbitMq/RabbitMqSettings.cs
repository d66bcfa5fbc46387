using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using RabbitMQ.Client;
using VBackup.Contracts.Limits;

namespace VBackup.Platform.Messaging.RabbitMq;

/// <summary>Where the message broker is, and as whom a service comes to it. None of it is a secret: the password is in a file.</summary>
public sealed record RabbitMqSettings
{
    const int PasswordBytesMax = 4096, ShortTextMax = 255;
    const string ForServers = "1.3.6.1.5.5.7.3.1";

    public string Host { get; init; } = "localhost";

    /// <summary>Null for the usual one: 5672, with TLS 5671.</summary>
    public int? Port { get; init; }
    public string VirtualHost { get; init; } = "/";
    public string User { get; init; } = "";
    public string PasswordFile { get; init; } = "";
    public bool Tls { get; init; }

    /// <summary>Certificates (PEM) of those who may vouch for the broker, in place of the ones that this machine trusts.</summary>
    public string? CaFile { get; init; }

    /// <summary>For people.</summary>
    internal string Address => $"{Host}:{Port ?? (Tls ? AmqpTcpEndpoint.DefaultAmqpSslPort : Protocols.DefaultProtocol.DefaultPort)}";

    /// <summary>What is wrong with them: a line each, which begins with the setting's name.</summary>
    public IEnumerable<string> Faults()
    {
        if (Uri.CheckHostName(Host) == UriHostNameType.Unknown)
            yield return $"RabbitMq:Host: is '{Host}'; it is a name or an address, without a port";
        else if (!Tls && !NetworkAddress.IsThisMachine(Host))
            yield return "RabbitMq:Tls: is false; messages go without TLS to a broker on this machine only (localhost, 127.0.0.1, ::1): "
                + $"to {Host} it is true";
        if (Port is < 1 or > ushort.MaxValue) yield return $"RabbitMq:Port: is {Port}; it is 1 to {ushort.MaxValue}";
        if (VirtualHost.Length is 0 or > ShortTextMax) yield return $"RabbitMq:VirtualHost: has 1 to {ShortTextMax} letters";
        if (User.Length is 0 or > ShortTextMax) yield return $"RabbitMq:User: has 1 to {ShortTextMax} letters";
        if (!File.Exists(PasswordFile)) yield return $"RabbitMq:PasswordFile: there is no file '{PasswordFile}'";
        if (CaFile is not null && FaultOfCaFile(CaFile) is { } fault) yield return $"RabbitMq:CaFile: {fault}";
    }

    string? FaultOfCaFile(string file)
    {
        if (!Tls) return "is of use only where RabbitMq:Tls is true";
        if (!File.Exists(file)) return $"there is no file '{file}'";
        try
        {
            return ReadRoots(file).Count > 0 ? null : $"the file '{file}' has no certificate in it; it is PEM";
        }
        catch (CryptographicException wrong)
        {
            return $"the file '{file}' cannot be read as certificates (PEM): {wrong.Message.ReplaceLineEndings(" ")}";
        }
    }

    /// <exception cref="RabbitMqSettingsException">They cannot be used.</exception>
    internal void Check()
    {
        var faults = Faults().ToList();
        if (faults.Count > 0) throw new RabbitMqSettingsException(faults);
    }

    /// <summary>Reads the password each time, so that a new one needs no restart.</summary>
    internal async Task<ConnectionFactory> FactoryAsync(string name, TimeSpan timeout, CancellationToken cancellation)
    {
        if (new FileInfo(PasswordFile).Length > PasswordBytesMax)
            throw new IOException("the file of RabbitMq:PasswordFile is too long for a password");
        var password = (await File.ReadAllTextAsync(PasswordFile, cancellation).ConfigureAwait(false)).TrimEnd('\r', '\n');
        var factory = new ConnectionFactory
        {
            HostName = Host,
            Port = Port ?? AmqpTcpEndpoint.UseDefaultPort,
            VirtualHost = VirtualHost,
            UserName = User,
            Password = password,
            ClientProvidedName = name,
            // Whoever uses the connection opens it again, and declares again what a broker that was set up anew lacks.
            AutomaticRecoveryEnabled = false,
            TopologyRecoveryEnabled = false,
            RequestedConnectionTimeout = timeout,
            ContinuationTimeout = timeout,
            HandshakeContinuationTimeout = timeout,
            RequestedHeartbeat = TimeSpan.FromSeconds(20),
        };
        if (Tls) factory.Ssl = new SslOption { Enabled = true, ServerName = Host,
            CertificateValidationCallback = CaFile is { } file ? TrustOnly(ReadRoots(file)) : null };
        return factory;
    }

    static X509Certificate2Collection ReadRoots(string file)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile(file);
        return roots;
    }

    /// <summary>The name has to be right as well: only the question who vouches is answered anew.</summary>
    static RemoteCertificateValidationCallback TrustOnly(X509Certificate2Collection roots) => (_, shown, chain, errors) =>
    {
        if (shown is null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None) return false;
        using var certificate = X509CertificateLoader.LoadCertificate(shown.GetRawCertData());
        using var own = new X509Chain();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.CustomTrustStore.AddRange(roots);
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        own.ChainPolicy.ApplicationPolicy.Add(new Oid(ForServers));
        foreach (var element in chain?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
            own.ChainPolicy.ExtraStore.Add(element.Certificate);
        return own.Build(certificate);
    };
}

/// <summary>The broker's settings cannot be used.</summary>
/// <param name="faults">A line each.</param>
public sealed class RabbitMqSettingsException(IReadOnlyList<string> faults) : Exception(string.Join(Environment.NewLine, faults))
{
    public IReadOnlyList<string> Faults => faults;
}
