using System.Globalization;
using System.Text;
using RabbitMQ.Client;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Platform.Messaging.RabbitMq;

/// <summary>How an envelope is written as a message of AMQP 0-9-1: docs/messages.md says it field by field. It is frozen by a
/// test.</summary>
static class WireEnvelope
{
    /// <summary>Raised when a reader of before would misunderstand what is written.</summary>
    public const int Version = 1;

    public const string VersionHeader = "vb-version", ToHeader = "vb-to", SentAtHeader = "vb-sent-at", NotAfterHeader = "vb-not-after";

    /// <summary>How often it was tried; it is not there before the first failure.</summary>
    public const string AttemptsHeader = "vb-attempts";

    /// <summary>Of dead letters alone: why, when, and at whose queue.</summary>
    public const string DeadReasonHeader = "vb-dead-reason", DeadAtHeader = "vb-dead-at", DeadOfHeader = "vb-dead-of";

    const string ContentType = "application/json", ContentEncoding = "utf-8", App = "vbackup", Brokers = "x-";
    const string InstantFormat = "yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'";
    const int NameLengthMax = 100, ToLengthMax = 200;
    static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static BasicProperties Properties(Envelope envelope) => new()
    {
        Persistent = true,
        AppId = App,
        ContentType = ContentType,
        ContentEncoding = ContentEncoding,
        MessageId = envelope.Id.ToString(),
        Type = envelope.Name,
        // For people who look at a queue; it knows seconds only.
        Timestamp = new(envelope.SentAt.ToUnixTimeSeconds()),
        Headers = Headers(envelope),
    };

    static Dictionary<string, object?> Headers(Envelope envelope)
    {
        var headers = new Dictionary<string, object?>
        {
            [VersionHeader] = Version,
            [ToHeader] = envelope.To,
            [SentAtHeader] = Text(envelope.SentAt),
        };
        if (envelope.NotAfter is { } notAfter) headers[NotAfterHeader] = Text(notAfter);
        return headers;
    }

    public static byte[] Body(Envelope envelope) => s_utf8.GetBytes(envelope.Body);

    /// <exception cref="MalformedEnvelopeException">It is no envelope that this program understands.</exception>
    public static Envelope Read(IReadOnlyBasicProperties properties, ReadOnlySpan<byte> body)
    {
        switch (Value(properties, VersionHeader))
        {
            case Version: break;
            case int other: throw new MalformedEnvelopeException($"its envelope has version {other}, and this program knows {Version}");
            case null: throw new MalformedEnvelopeException($"it has no {VersionHeader}");
            default: throw new MalformedEnvelopeException($"its {VersionHeader} is no number");
        }
        if (body.Length > RabbitMqLimits.BodyBytesMax)
            throw new MalformedEnvelopeException($"it has {body.Length} bytes, and at most {RabbitMqLimits.BodyBytesMax} are taken");
        if (!Guid.TryParseExact(properties.MessageId, "D", out var id) || id == Guid.Empty)
            throw new MalformedEnvelopeException("its message-id is no UUID");
        var to = Header(properties, ToHeader);
        if (to is null || to.Length is 0 or > ToLengthMax) throw new MalformedEnvelopeException($"its {ToHeader} is missing or too long");
        if (properties.Type is not { Length: > 0 and <= NameLengthMax } name)
            throw new MalformedEnvelopeException("its type is missing or too long");
        return new(MessageId.From(id), to, name, TextOf(body),
            Instant(properties, SentAtHeader) ?? throw new MalformedEnvelopeException($"it has no {SentAtHeader}"),
            Instant(properties, NotAfterHeader));
    }

    /// <summary>The same message, for another queue. What the broker and the client have added stays behind.</summary>
    public static BasicProperties Again(IReadOnlyBasicProperties properties)
    {
        var again = new BasicProperties(properties) { Persistent = true, Headers = new Dictionary<string, object?>() };
        // A time to live of somebody else's would have it vanish.
        again.ClearExpiration();
        foreach (var (name, value) in properties.Headers ?? new Dictionary<string, object?>())
            if (!name.StartsWith(Brokers, StringComparison.Ordinal)) again.Headers[name] = value;
        return again;
    }

    public static int AttemptsOf(IReadOnlyBasicProperties properties) =>
        Value(properties, AttemptsHeader) is int attempts and > 0 ? attempts : 0;

    /// <summary>Null where there is none, or it is no text.</summary>
    public static string? Header(IReadOnlyBasicProperties properties, string name)
    {
        try
        {
            return Value(properties, name) switch
            {
                byte[] bytes => s_utf8.GetString(bytes),
                string text => text,
                _ => null,
            };
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    public static string Text(DateTimeOffset instant) => instant.UtcDateTime.ToString(InstantFormat, CultureInfo.InvariantCulture);

    public static DateTimeOffset? FindInstant(string? text) => DateTimeOffset.TryParseExact(text, InstantFormat,
        CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant) ? instant : null;

    static DateTimeOffset? Instant(IReadOnlyBasicProperties properties, string name)
    {
        if (Value(properties, name) is null) return null;
        return FindInstant(Header(properties, name)) ?? throw new MalformedEnvelopeException($"its {name} is no instant");
    }

    static object? Value(IReadOnlyBasicProperties properties, string name) =>
        properties.Headers is { } headers && headers.TryGetValue(name, out var value) ? value : null;

    static string TextOf(ReadOnlySpan<byte> body)
    {
        try
        {
            return s_utf8.GetString(body);
        }
        catch (DecoderFallbackException wrong)
        {
            throw new MalformedEnvelopeException("its body is no UTF-8", wrong);
        }
    }
}

/// <summary>A message that is no envelope, or one of a version that is not known here.</summary>
sealed class MalformedEnvelopeException(string message, Exception? inner = null) : Exception(message, inner);
