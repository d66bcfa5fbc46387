using System.Net;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using VBackup.Primitives;

namespace VBackup.Vault.Stores;

/// <summary>The client of one bucket: time-outs are ours, and so are retries.</summary>
sealed class S3Connection : IDisposable
{
    /// <summary>What goes to a socket at once; the SDK's own 8 KiB would make a thousand writes of a part.</summary>
    const int BodyPieceBytes = 256 << 10;

    readonly HttpClient http;

    public S3Connection(S3Settings settings)
    {
        settings.Check();
        Settings = settings;
        http = new HttpClient(new SendAtOnce(new SocketsHttpHandler
        {
            ConnectTimeout = settings.ConnectTimeMax,
            PooledConnectionLifetime = TimeSpan.FromMinutes(10), // so that a moved address is noticed
            AutomaticDecompression = DecompressionMethods.None, // what is stored is what is meant
            AllowAutoRedirect = false,
            // Of an endpoint that a proxy connects to, nobody would look at the address.
            UseProxy = settings.AddressFault is null,
            ConnectCallback = settings.AddressFault is { } fault
                ? (context, cancellation) => GuardedConnecting.ConnectAsync(context, fault, cancellation) : null,
        })) { Timeout = settings.RequestTimeMax };
        var config = new AmazonS3Config
        {
            MaxErrorRetry = 0,
            MaxStaleConnectionRetries = 0,
            ThrottleRetries = false,
            DisableLogging = true,
            AllowAutoRedirect = false,
            IgnoreConfiguredEndpointUrls = true, // settings say where, not a file in somebody's home
            HttpClientFactory = new OneClient(http),
            BufferSize = BodyPieceBytes,
            // The newer checksums come in trailers that other S3 services do not understand; ours are MD5s.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (settings.Endpoint is { } endpoint)
        {
            config.ServiceURL = endpoint.ToString();
            config.AuthenticationRegion = settings.Region;
            config.ForcePathStyle = true;
        }
        else
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(settings.Region);
        }
        AWSCredentials credentials = settings.SessionToken is { } token
            ? new SessionAWSCredentials(settings.AccessKeyId, settings.SecretAccessKey, token)
            : new BasicAWSCredentials(settings.AccessKeyId, settings.SecretAccessKey);
        Client = new AmazonS3Client(credentials, config);
    }

    public AmazonS3Client Client { get; }
    public S3Settings Settings { get; }
    public string Bucket => Settings.Bucket;

    /// <summary>Each body has one hash that the service checks on arrival: over TLS its MD5; over plain HTTP, where the SDK
    /// signs every body, the SHA-256 in the signature, and parts have no MD5 beside it. Small objects have both.</summary>
    public bool BodiesGoUnsigned => Settings.Endpoint is not { Scheme: "http" };

    public string KeyOf(string name) => Settings.Prefix.Length == 0 ? name : $"{Settings.Prefix}/{name}";

    /// <summary>Null for a key that is not an object of this store.</summary>
    public string? NameOf(string key)
    {
        string name = Settings.Prefix.Length == 0 ? key
            : key.StartsWith(Settings.Prefix + "/", StringComparison.Ordinal) ? key[(Settings.Prefix.Length + 1)..] : "";
        return ObjectName.IsValid(name) ? name : null;
    }

    /// <summary>Runs one request and turns what goes wrong into <see cref="StoreException"/>s.</summary>
    public async Task<T> SendAsync<T>(
        StoreOperation operation, string name, Func<CancellationToken, Task<T>> send, CancellationToken cancellation)
    {
        try
        {
            return await send(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not StoreException && !cancellation.IsCancellationRequested)
        {
            throw S3Failure.Of(operation, name, Bucket, e);
        }
        catch (Exception e) when (e is not OperationCanceledException and not StoreException)
        {
            throw new OperationCanceledException("The caller cancelled.", e, cancellation);
        }
    }

    public void Dispose()
    {
        Client.Dispose();
        http.Dispose();
    }

    /// <summary>The SDK asks before it sends a body ("100-continue"): a round trip more for each, or a second where the
    /// other side does not know of it, to save a body that is rarely refused.</summary>
    sealed class SendAtOnce(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.ExpectContinue = false;
            return base.SendAsync(request, cancellationToken);
        }
    }

    sealed class OneClient(HttpClient http) : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig) => http;
        public override bool UseSDKHttpClientCaching(IClientConfig clientConfig) => false;
        public override bool DisposeHttpClientsAfterUse(IClientConfig clientConfig) => false;
    }
}
