using System.Net;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace VBackup.Calls.Serving;

/// <summary>Where calls are listened for. What is not on loopback has TLS, because answers carry keys.</summary>
public sealed class CallListener : IDisposable
{
    readonly IPEndPoint _address;
    readonly X509Certificate2? _certificate;

    CallListener(IPEndPoint address, X509Certificate2? certificate) => (_address, _certificate) = (address, certificate);

    /// <param name="certificateFile">In PEM; null for none.</param>
    /// <param name="keyFile">Its key, in PEM.</param>
    /// <exception cref="CallSettingException">Others would hear what is said, or the certificate cannot be used.</exception>
    public static CallListener Open(IPEndPoint address, string? certificateFile = null, string? keyFile = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (certificateFile is null && keyFile is null)
        {
            return IPAddress.IsLoopback(address.Address) ? new(address, null)
                : throw new CallSettingException(CallSettings.Listen, $"is {address}, which is not on loopback, and keys would pass there "
                    + $"without TLS: name a certificate with {CallSettings.CertificateFile} and {CallSettings.KeyFile}");
        }
        if (certificateFile is null) throw new CallSettingException(CallSettings.CertificateFile, $"goes with {CallSettings.KeyFile}");
        if (keyFile is null) throw new CallSettingException(CallSettings.KeyFile, $"goes with {CallSettings.CertificateFile}");
        try
        {
            return new(address, X509Certificate2.CreateFromPemFile(certificateFile, keyFile));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new CallSettingException(CallSettings.CertificateFile,
                $"{certificateFile} with {keyFile} cannot be used: {failure.Message}");
        }
    }

    /// <summary>REQUIRES: it lives as long as the server.</summary>
    public void AddTo(KestrelServerOptions kestrel)
    {
        ArgumentNullException.ThrowIfNull(kestrel);
        kestrel.AddServerHeader = false;
        kestrel.Listen(_address, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            if (_certificate is null) return;
            listen.UseHttps(https =>
                (https.ServerCertificate, https.SslProtocols) = (_certificate, SslProtocols.Tls12 | SslProtocols.Tls13));
        });
    }

    public void Dispose() => _certificate?.Dispose();
}
