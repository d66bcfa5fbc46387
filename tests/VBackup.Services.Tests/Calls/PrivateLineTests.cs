using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using VBackup.Calls;
using VBackup.Calls.Calling;
using VBackup.Calls.Serving;
using VBackup.Contracts.Access;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Keys;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Work;
using Xunit;

namespace VBackup.Services.Tests.Calls;

/// <summary>Keys pass over a line that nobody else hears, or not at all.</summary>
public sealed class PrivateLineTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-calls-").FullName;

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("192.0.2.1")]
    public void A_listener_that_others_reach_needs_tls(string address)
    {
        var refused = Assert.Throws<CallSettingException>(() => CallListener.Open(new(IPAddress.Parse(address), 9443)));
        Assert.StartsWith($"Calls:Listen: is {new IPEndPoint(IPAddress.Parse(address), 9443)}, which is not on loopback", refused.Message,
            StringComparison.Ordinal);
        Assert.Contains("Calls:CertificateFile", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
        using var withTls = CallListener.Open(new(IPAddress.Parse(address), 9443), Certificate("own").File, Path("own.key"));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.8.8.8")]
    [InlineData("::1")]
    public void A_listener_on_loopback_does_without(string address)
    {
        using var listener = CallListener.Open(new(IPAddress.Parse(address), 9443));
    }

    [Fact]
    public void A_certificate_and_its_key_go_together_and_are_there()
    {
        var at = new IPEndPoint(IPAddress.Loopback, 0);
        var (own, _) = Certificate("own");
        Assert.StartsWith("Calls:KeyFile: ", Refusal(own, null), StringComparison.Ordinal);
        Assert.StartsWith("Calls:CertificateFile: ", Refusal(null, Path("own.key")), StringComparison.Ordinal);
        Assert.StartsWith("Calls:CertificateFile: ", Refusal(Path("none.pem"), Path("own.key")), StringComparison.Ordinal);
        Assert.StartsWith("Calls:CertificateFile: ", Refusal(own, own), StringComparison.Ordinal);

        string Refusal(string? certificate, string? key) =>
            Assert.Throws<CallSettingException>(() => CallListener.Open(at, certificate, key)).Message;
    }

    [Theory]
    [InlineData("http://192.0.2.1:9443")]
    [InlineData("http://backup.example.org")]
    [InlineData("http://127.0.0.1.example.org:9443")]
    [InlineData("http://loopback:9443")]
    public void A_line_to_elsewhere_needs_tls(string address)
    {
        var refused = Assert.Throws<CallSettingException>(() => CallChannel.Open(address, null, TimeProvider.System));
        Assert.StartsWith($"Calls:Service: is {address}, which is not on loopback", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
        using var withTls = CallChannel.Open(address.Replace("http:", "https:", StringComparison.Ordinal), null, TimeProvider.System);
    }

    [Theory]
    [InlineData("http://127.0.0.1:9443")]
    [InlineData("http://[::1]:9443/")]
    [InlineData("http://localhost:9443")]
    public void A_line_to_loopback_does_without(string address)
    {
        using var channel = CallChannel.Open(address, null, TimeProvider.System);
    }

    [Theory]
    [InlineData("")]
    [InlineData("backup.example.org:9443")]
    [InlineData("ftp://127.0.0.1")]
    [InlineData("https://user:hunter2@backup.example.org")]
    [InlineData("https://backup.example.org/path")]
    [InlineData("https://backup.example.org?a=b")]
    public void What_is_no_address_of_a_service_is_refused_and_not_repeated(string address) => Assert.Equal(
        "Calls:Service: is an address, https://host:port, and nothing more",
        Assert.Throws<CallSettingException>(() => CallChannel.Open(address, null, TimeProvider.System)).Message);

    [Fact]
    public async Task Over_tls_a_service_is_called_whose_certificate_is_of_the_authority_and_no_other()
    {
        var (file, key) = Certificate("own");
        var port = new ListeningPort { Gives = (_, _) => Task.FromResult<object?>(true) };
        await using var served = await ServedCalls.StartAsync(services => AddPorts(services, port),
            CallListener.Open(new(IPAddress.Loopback, 0), file, key));
        Assert.Equal("https", served.Address.Scheme);
        Assert.True(await Call(served, file));
        // Nobody knows it, or it is another's: no word is said.
        foreach (var authority in (string?[])[null, Certificate("other").File])
            await Assert.ThrowsAnyAsync<IOException>(() => Call(served, authority));
        Assert.Single(port.Heard);

        static Task<bool> Call(ServedCalls served, string? authority) =>
            served.Open(ServedCalls.ServiceCredential, authorityFile: authority).Workers.RevokeAsync(Samples.Worker, default);
    }

    [Fact]
    public void A_file_of_authorities_has_one()
    {
        File.WriteAllText(Path("empty.pem"), "");
        foreach (var file in (string[])[Path("empty.pem"), Path("none.pem")])
            Assert.StartsWith("Calls:AuthorityFile: ", Assert.Throws<CallSettingException>(
                () => CallChannel.Open("https://backup.example.org", null, TimeProvider.System, file)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("192.0.2.1", "http", true)]
    [InlineData(null, "http", true)]
    [InlineData("192.0.2.1", "https", false)]
    [InlineData("127.0.0.1", "http", false)]
    public async Task A_call_that_comes_from_elsewhere_without_tls_is_refused_whoever_listens(string? from, string scheme, bool isRefused)
    {
        await using var served = await ServedCalls.StartAsync(services => AddPorts(services, new()));
        var call = served.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Single(one => one.RoutePattern.RawText == "/vbackup.v1.Workers/Revoke");
        var http = new DefaultHttpContext { RequestServices = served.Services };
        (http.Request.Scheme, http.Request.Method) = (scheme, "POST");
        http.Connection.RemoteIpAddress = from is null ? null : IPAddress.Parse(from);
        await call.RequestDelegate!(http);
        // Who is not refused for it is refused for his credential.
        Assert.Equal(isRefused ? "7" : "16", http.Response.Headers["grpc-status"].ToString());
    }

    [Fact]
    public void A_credential_is_a_line_that_only_its_owner_can_read()
    {
        var (path, text) = (Path("credential"), new string('x', 43));
        CredentialFile.Write(path, text);
        Assert.Equal(text, CredentialFile.Read("Calls:ServiceCredentialFile", path));
        Assert.Throws<IOException>(() => CredentialFile.Write(path, text));
        foreach (var others in (UnixFileMode[])[UnixFileMode.GroupRead, UnixFileMode.OtherRead, UnixFileMode.GroupWrite])
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | others);
            Assert.StartsWith("Calls:ServiceCredentialFile: ", Refusal(path), StringComparison.Ordinal);
        }
        Assert.StartsWith("Calls:ServiceCredentialFile: ", Refusal(Path("none")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(1001)]
    [InlineData(1_000_000)]
    public void What_is_no_credential_is_refused_and_not_repeated(int length)
    {
        var path = Path("credential");
        CredentialFile.Write(path, new('~', length));
        Assert.DoesNotContain("~~", Refusal(path), StringComparison.Ordinal);
        File.WriteAllText(path, "two words that are long enough to be one credential");
        Assert.DoesNotContain("two words", Refusal(path), StringComparison.Ordinal);
    }

    static string Refusal(string path) =>
        Assert.Throws<CallSettingException>(() => CredentialFile.Read("Calls:ServiceCredentialFile", path)).Message;

    static void AddPorts(IServiceCollection services, ListeningPort port) => services.AddSingleton(port.As<IWorkSource>())
        .AddSingleton(port.As<ILocationRegistry>()).AddSingleton(port.As<IProjectKeys>()).AddSingleton(port.As<IEnrolment>())
        .AddSingleton(port.As<IWorkerAccess>()).AddSingleton(port.As<IWorkerGate>());

    (string File, string Key) Certificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        File.WriteAllText(Path($"{name}.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path($"{name}.key"), key.ExportPkcs8PrivateKeyPem());
        return (Path($"{name}.pem"), Path($"{name}.key"));
    }

    string Path(string name) => System.IO.Path.Combine(_folder, name);

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
