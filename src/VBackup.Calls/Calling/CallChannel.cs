using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using VBackup.Calls.Keys;
using VBackup.Calls.Locations;
using VBackup.Calls.Work;
using VBackup.Calls.Workers;
using VBackup.Contracts.Access;
using VBackup.Contracts.Keys;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Work;

namespace VBackup.Calls.Calling;

/// <summary>
/// A line to the vBackup service. Each of its ports is what the service's own object is within the same process: a refusal has the same
/// type and sentence, and a line that breaks, or an answer that does not come in time, is an <see cref="IOException"/>, after which nobody
/// knows whether the call was carried out. Nothing is asked twice by itself. Thread-safe.
/// </summary>
public sealed class CallChannel : IDisposable
{
    static readonly TimeSpan s_connect = TimeSpan.FromSeconds(10), s_pingAfter = TimeSpan.FromSeconds(20),
        s_pong = TimeSpan.FromSeconds(10);

    readonly GrpcChannel _channel;
    readonly X509Certificate2Collection _authorities;
    readonly string? _credential;
    readonly CallLimits _limits;
    readonly TimeProvider _clock;

    CallChannel(GrpcChannel channel, X509Certificate2Collection authorities, string? credential, CallLimits limits, TimeProvider clock)
    {
        (_channel, _authorities, _credential, _limits, _clock) = (channel, authorities, credential, limits, clock);
        var calls = channel.CreateCallInvoker();
        Work = new RemoteWorkSource(this, calls);
        Locations = new RemoteLocationRegistry(this, calls);
        ProjectKeys = new RemoteProjectKeys(this, calls);
        Enrolment = new RemoteEnrolment(this, calls);
        Workers = new RemoteWorkerAccess(this, calls);
    }

    /// <summary>For workers.</summary>
    public IWorkSource Work { get; }

    /// <summary>For services, and so are the two that follow.</summary>
    public ILocationRegistry Locations { get; }
    public IProjectKeys ProjectKeys { get; }
    public IWorkerAccess Workers { get; }

    /// <summary>For whoever has a token.</summary>
    public IEnrolment Enrolment { get; }

    /// <param name="address"><c>https://host:port</c>; <c>http</c> on loopback only.</param>
    /// <param name="credential">A worker's, or the services'; null for who has none yet.</param>
    /// <param name="authorityFile">In PEM: whose certificates the service may have; null for whom the system trusts.</param>
    /// <param name="clock">The machine's, by which deadlines are reckoned.</param>
    /// <exception cref="CallSettingException">Others would hear what is said, or nobody can be called there.</exception>
    public static CallChannel Open(
        string address, string? credential, TimeProvider clock, string? authorityFile = null, CallLimits? limits = null)
    {
        var uri = RequirePrivate(address);
        X509Certificate2Collection authorities = [];
        if (authorityFile is not null) Import(authorities, authorityFile);
        var bounds = limits ?? new();
        var handler = new SocketsHttpHandler
        {
            // A proxy that some variable names would hear what is meant for loopback.
            UseProxy = false,
            AllowAutoRedirect = false,
            ConnectTimeout = s_connect,
            // A line that died without a word is found out.
            KeepAlivePingDelay = s_pingAfter,
            KeepAlivePingTimeout = s_pong,
            EnableMultipleHttp2Connections = true,
            SslOptions = Tls(authorities),
        };
        return new(GrpcChannel.ForAddress(uri, new()
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxSendMessageSize = bounds.RequestBytesMax,
            MaxReceiveMessageSize = bounds.ReplyBytesMax,
            CompressionProviders = [],
        }), authorities, credential, bounds, clock);
    }

    static Uri RequirePrivate(string address)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0
            || uri.PathAndQuery != "/" || uri.UserInfo.Length > 0 || uri.Fragment.Length > 0)
            throw new CallSettingException(CallSettings.Service, "is an address, https://host:port, and nothing more");
        return uri.Scheme == "https" || CallSettings.IsLoopback(uri.Host) ? uri
            : throw new CallSettingException(CallSettings.Service,
                $"is http://{uri.Authority}, which is not on loopback, and keys would pass there without TLS: make it https");
    }

    static void Import(X509Certificate2Collection authorities, string file)
    {
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new CallSettingException(CallSettings.AuthorityFile, $"{file} cannot be read: {failure.Message}");
        }
        if (authorities.Count == 0) throw new CallSettingException(CallSettings.AuthorityFile, $"{file} has no certificate");
    }

    static SslClientAuthenticationOptions Tls(X509Certificate2Collection authorities)
    {
        var tls = new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13 };
        if (authorities.Count == 0) return tls;
        tls.CertificateChainPolicy = new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            // An authority of the operator's own has no list of what it took back.
            RevocationMode = X509RevocationMode.NoCheck,
        };
        tls.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        return tls;
    }

    internal async Task<TReply> AskAsync<TRequest, TReply>(Func<TRequest, CallOptions, AsyncUnaryCall<TReply>> ask, TRequest request,
        CancellationToken cancellation, [CallerMemberName] string call = "")
    {
        cancellation.ThrowIfCancellationRequested();
        Metadata headers = [];
        if (_credential is not null) headers.Add("authorization", $"Bearer {_credential}");
        try
        {
            using var asked = ask(request, new(headers, _clock.GetUtcNow().UtcDateTime + _limits.Deadline, cancellation));
            return await asked.ResponseAsync.ConfigureAwait(false);
        }
        catch (RpcException failure)
        {
            throw Refusals.Of(failure, call, cancellation);
        }
    }

    /// <summary>Of an answer.</summary>
    /// <exception cref="CallFailedException">Nobody can make sense of it.</exception>
    internal static T Read<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (UnreadableMessageException failure)
        {
            throw new CallFailedException($"the service's answer makes no sense to this version: {failure.Message}", failure);
        }
    }

    public void Dispose()
    {
        _channel.Dispose();
        foreach (var authority in _authorities) authority.Dispose();
    }
}
