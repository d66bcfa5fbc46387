using System.Globalization;
using System.Net.Sockets;
using System.Text;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace VBackup.Portal.Notifications;

/// <summary>How a mail server is spoken to.</summary>
public enum SmtpSecurity
{
    /// <summary>TLS is asked for before anything else is said, and needed.</summary>
    StartTls,
    /// <summary>TLS from the first byte on.</summary>
    Tls,
    /// <summary>Without; on this machine only.</summary>
    None,
}

/// <summary>The mail server. Whoever runs the Portal names it.</summary>
public sealed record SmtpSettings
{
    /// <summary>Null when there is none: then nobody gets mail.</summary>
    public string? Host { get; init; }
    public int Port { get; init; } = 587;
    public SmtpSecurity Security { get; init; } = SmtpSecurity.StartTls;

    /// <summary>Null when the server asks for none.</summary>
    public string? User { get; init; }

    /// <summary>Read at each connection, so that a new password needs no new start.</summary>
    public string? PasswordFile { get; init; }

    /// <summary>Who the mails are from.</summary>
    public string? From { get; init; }
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>Sends e-mails, each over a connection of its own. Thread-safe.</summary>
public sealed class MailSender(SmtpSettings settings, TimeProvider clock)
{
    const int PasswordBytesMax = 1000;

    internal async Task<DeliveryOutcome> SendAsync(string recipient, NotificationBody body, CancellationToken cancellation)
    {
        if (settings is not { Host: { } host, From: { } from })
            return new DeliveryOutcome.Failed("there is no mail server: the setting Smtp:Host names one", MayPass: true);
        using var late = new CancellationTokenSource(settings.Timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        using var message = MessageOf(from, recipient, body);
        using var client = new SmtpClient { CheckCertificateRevocation = false };
        try
        {
            await client.ConnectAsync(host, settings.Port, Security(), either.Token).ConfigureAwait(false);
            if (settings.User is { } user)
                await client.AuthenticateAsync(Encoding.UTF8, user, await PasswordAsync(either.Token).ConfigureAwait(false), either.Token)
                    .ConfigureAwait(false);
            await client.SendAsync(message, either.Token).ConfigureAwait(false);
            await client.DisconnectAsync(quit: true, either.Token).ConfigureAwait(false);
            return new DeliveryOutcome.Delivered();
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return new DeliveryOutcome.Failed("the mail server did not answer in time", MayPass: true);
        }
        catch (Exception failure) when (Describe(failure) is { } described)
        {
            return described;
        }
    }

    SecureSocketOptions Security() => settings.Security switch
    {
        SmtpSecurity.StartTls => SecureSocketOptions.StartTls,
        SmtpSecurity.Tls => SecureSocketOptions.SslOnConnect,
        SmtpSecurity.None => SecureSocketOptions.None,
        _ => throw new InvalidOperationException($"Nobody says how to speak by {settings.Security}."),
    };

    async Task<string> PasswordAsync(CancellationToken cancellation)
    {
        if (settings.PasswordFile is not { } path) return "";
        if (new FileInfo(path).Length > PasswordBytesMax) throw new IOException("the file of Smtp:PasswordFile is too long for a password");
        return (await File.ReadAllTextAsync(path, cancellation).ConfigureAwait(false)).TrimEnd('\r', '\n');
    }

    /// <returns>Null for a fault of our own.</returns>
    static DeliveryOutcome.Failed? Describe(Exception failure) => failure switch
    {
        // The server's own words about this mail; its recipient would not be another tomorrow.
        SmtpCommandException { ErrorCode: SmtpErrorCode.RecipientNotAccepted or SmtpErrorCode.MessageNotAccepted } refused => new(
            string.Create(CultureInfo.InvariantCulture,
                $"the mail server refused it ({(int)refused.StatusCode}): {OneLine(refused.Message)}"),
            MayPass: (int)refused.StatusCode < 500),
        SmtpCommandException refused => new(
            string.Create(CultureInfo.InvariantCulture,
                $"the mail server refused ({(int)refused.StatusCode}): {OneLine(refused.Message)}"), MayPass: true),
        AuthenticationException => new("the mail server did not take the user and password of Smtp:User and Smtp:PasswordFile",
            MayPass: true),
        NotSupportedException => new("the mail server does not offer what Smtp:Security or Smtp:User needs", MayPass: true),
        SslHandshakeException => new(
            "TLS was not agreed with the mail server: is its certificate good, and does this machine trust who issued it?", MayPass: true),
        SocketException or IOException or UnauthorizedAccessException or ProtocolException or ServiceNotConnectedException =>
            new($"the mail server cannot be used: {OneLine(failure.Message)}", MayPass: true),
        _ => null,
    };

    static string OneLine(string text) => text.ReplaceLineEndings(" ");

    static MimeMessage MessageOf(string from, string recipient, NotificationBody body)
    {
        var sender = MailboxAddress.Parse(from);
        var message = new MimeMessage
        {
            Subject = body.Summary,
            Date = body.At,
            // The same at every attempt: a mail that comes twice is one.
            MessageId = $"{body.Id}@{sender.Domain}",
            Body = new TextPart("plain") { Text = MailText.Of(body) },
        };
        message.From.Add(sender);
        message.To.Add(new MailboxAddress("", recipient));
        // No answers from absent people, and none from other programs (RFC 3834).
        message.Headers.Add("Auto-Submitted", "auto-generated");
        return message;
    }
}

/// <summary>A notification as a person reads it.</summary>
static class MailText
{
    public static string Of(NotificationBody body)
    {
        var text = new StringBuilder().Append(body.Summary).Append("\n\n");
        Line(text, "Time", Time(body.At));
        if (body.Server is { } server) Line(text, "Server", $"{server.Name} ({server.Region}/{server.Id})");
        if (body.Location is { } location) Line(text, "Location", location.Name);
        if (body.Run is { } run)
        {
            Line(text, "Run", run.Id.ToString());
            if (run.StartedAt is { } began) Line(text, "Began", Time(began));
            if (run.EndedAt is { } ended) Line(text, "Ended", Time(ended));
            Line(text, "Read", string.Create(CultureInfo.InvariantCulture, $"{run.DoneBytes} bytes"));
            Line(text, "Stored", string.Create(CultureInfo.InvariantCulture, $"{run.StoredBytes} bytes"));
            if (run.Target is { } target) Line(text, "Made", target);
            foreach (var note in run.Notes) Line(text, "Note", note);
            if (run.Error is { } error) Line(text, "Error", error);
        }
        Line(text, "Id", body.Id.ToString());
        return text.ToString();
    }

    static void Line(StringBuilder text, string name, string value) => text.Append(name).Append(": ").Append(value.ReplaceLineEndings(" "))
        .Append('\n');

    static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " UTC";
}
