using System.Net;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

public sealed class StoreLocationTests
{
    static StoreOptions With(params (string Name, string Value)[] variables) => new()
    {
        Variable = name => variables.FirstOrDefault(v => v.Name == name).Value,
    };

    static readonly (string, string)[] Keys = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")];

    [Fact]
    public async Task A_forbidden_address_is_not_connected_to_whatever_name_stands_for_it()
    {
        await using var server = new ScriptedServer(ScriptedServer.Answer(200));
        await using var store = StoreLocation.Open("s3://bucket", With([.. Keys, ("AWS_ENDPOINT_URL_S3",
            $"http://localhost:{server.Address.Port}")]) with { AddressFault = _ => "that address is not for you" });
        var failure = await Assert.ThrowsAsync<StoreException>(() => store.ExistsAsync("vault", default));
        Assert.Equal(StoreFailure.Refused, failure.Failure);
        Assert.Contains("that address is not for you", failure.Message, StringComparison.Ordinal);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task No_proxy_is_asked_to_connect_to_what_nobody_would_look_at()
    {
        await using var proxy = new ScriptedServer(ScriptedServer.Answer(404), ScriptedServer.Answer(404), ScriptedServer.Answer(404));
        var before = HttpClient.DefaultProxy;
        HttpClient.DefaultProxy = new ProxyOfOneHost(proxy.Address);
        try
        {
            await using (var guarded = Open(_ => null))
                Assert.Equal(StoreFailure.Unreachable, (await FailureAsync(guarded)).Failure);
            Assert.Empty(proxy.Requests);
            await using (var listed = Open(null)) await FailureAsync(listed);
            Assert.NotEmpty(proxy.Requests);
        }
        finally
        {
            HttpClient.DefaultProxy = before;
        }

        static IObjectStore Open(Func<IPAddress, string?>? fault) => StoreLocation.Open("s3://bucket",
            With([.. Keys, ("AWS_ENDPOINT_URL_S3", $"http://{ProxyOfOneHost.Host}:1")]) with
            { AddressFault = fault, Retries = RetryLimits.Brief with { AttemptsMax = 1 } });
        static Task<StoreException> FailureAsync(IObjectStore store) =>
            Assert.ThrowsAsync<StoreException>(() => store.GetAsync("vault", 10, default));
    }

    /// <summary>For this one test's host, where nobody listens; everybody else goes his own way.</summary>
    sealed class ProxyOfOneHost(Uri address) : IWebProxy
    {
        public const string Host = "127.0.0.77";
        public ICredentials? Credentials { get; set; }
        public Uri? GetProxy(Uri destination) => address;
        public bool IsBypassed(Uri host) => host.Host != Host;
    }

    [Fact]
    public async Task A_path_is_a_folder()
    {
        using var folder = new TemporaryFolder();
        await using var store = StoreLocation.Open(folder.Path, new StoreOptions());
        Assert.Equal(folder.Path, store.Description);
    }

    [Theory]
    [InlineData("s3://bucket", "s3://bucket")]
    [InlineData("s3://bucket/", "s3://bucket")]
    [InlineData("s3://bucket/some/vault/", "s3://bucket/some/vault")]
    public async Task An_s3_location_is_a_bucket_and_a_prefix(string location, string description)
    {
        await using var store = StoreLocation.Open(location, With(Keys));
        Assert.Equal(description, store.Description);
    }

    [Theory]
    [InlineData("s3://")]
    [InlineData("s3:///prefix")]
    [InlineData("s3://Bucket_With_Capitals/x")]
    [InlineData("s3://bucket/../x")]
    [InlineData("s3://bucket/a//b")]
    [InlineData("ftp://host/folder")]
    public void A_malformed_location_is_said_to_be(string location)
    {
        var failure = Assert.Throws<StoreException>(() => StoreLocation.Open(location, With(Keys)));
        Assert.Equal(StoreFailure.Other, failure.Failure);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Theory]
    [InlineData("s3://Bucket_With_Capitals/x")]
    [InlineData("s3://ab")]
    [InlineData("s3://-bucket")]
    public void What_a_bucket_may_be_called_is_told_with_a_name_that_is_none(string location)
    {
        var failure = Assert.Throws<StoreException>(() => StoreLocation.Open(location, With(Keys)));
        Assert.Contains("3 to 63 small letters, digits", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_in_a_location_or_an_endpoint_is_not_repeated()
    {
        foreach (var open in new Action[]
                 {
                     () => StoreLocation.Open("s3://key:hush@bucket/x", With(Keys)),
                     () => StoreLocation.Open("http://key:hush@host/x", With(Keys)),
                     () => StoreLocation.Open("s3://bucket", With([.. Keys, ("AWS_ENDPOINT_URL", "http://key:hush@host")])),
                 })
            Assert.DoesNotContain("hush", Assert.Throws<StoreException>(open).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("us-east-1")]
    [InlineData("eu-west-1", "AWS_DEFAULT_REGION", "eu-west-1")]
    [InlineData("eu-north-1", "AWS_REGION", "eu-north-1", "AWS_DEFAULT_REGION", "eu-west-1")]
    [InlineData("eu-west-1", "AWS_REGION", "", "AWS_DEFAULT_REGION", "eu-west-1")]
    public void The_region_is_the_one_that_other_tools_would_take(string region, params string[] variables) =>
        Assert.Equal(region, S3Settings.FromEnvironment("bucket", "",
            With([.. Keys, .. variables.Chunk(2).Select(pair => (pair[0], pair[1]))]).Variable).Region);

    [Fact]
    public void Missing_credentials_are_named()
    {
        var failure = Assert.Throws<StoreException>(
            () => StoreLocation.Open("s3://bucket", With(("AWS_ACCESS_KEY_ID", "key"))));
        Assert.Equal(StoreFailure.Refused, failure.Failure);
        Assert.Equal("open s3://bucket: AWS_SECRET_ACCESS_KEY is not set", failure.Message);
    }

    [Theory]
    [InlineData("bad region!")]
    [InlineData("us-east-1.evil.example/")]
    public void A_region_that_is_none_is_refused_before_anything_is_sent(string region)
    {
        var failure = Assert.Throws<StoreException>(() => StoreLocation.Open("s3://bucket", With([.. Keys, ("AWS_REGION", region)])));
        Assert.Contains("AWS_REGION is not a region's name", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_endpoint_for_s3_goes_before_the_one_for_everything()
    {
        var variables = With([.. Keys, ("AWS_ENDPOINT_URL", "http://all:1"), ("AWS_ENDPOINT_URL_S3", "http://s3:2"),
            ("AWS_REGION", "eu-north-7"), ("AWS_SESSION_TOKEN", "token")]);
        var settings = S3Settings.FromEnvironment("bucket", "", variables.Variable);
        Assert.Equal(new Uri("http://s3:2"), settings.Endpoint);
        Assert.Equal("eu-north-7", settings.Region);
        Assert.Equal("token", settings.SessionToken);
        Assert.Equal("us-east-1", S3Settings.FromEnvironment("bucket", "", With(Keys).Variable).Region);
    }
}
