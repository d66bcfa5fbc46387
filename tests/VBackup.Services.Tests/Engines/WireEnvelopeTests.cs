using System.Globalization;
using System.Text;
using RabbitMQ.Client;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Messaging.RabbitMq;
using Xunit;

namespace VBackup.Services.Tests.Engines;

/// <summary>How an envelope is written for the broker, which services of different versions read.</summary>
public sealed class WireEnvelopeTests
{
    static readonly DateTimeOffset s_sentAt = new DateTimeOffset(2026, 3, 29, 1, 30, 0, TimeSpan.Zero).AddTicks(1234567);

    static readonly Envelope s_command = new(new(new Guid(7, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 0)), "snapshots.north", "roll-back",
        """{"name":"Größe"}""", s_sentAt, s_sentAt.AddHours(1));

    [Fact]
    public void It_is_written_as_ever()
    {
        Assert.Equal("""
            app-id vbackup
            content-encoding utf-8
            content-type application/json
            delivery-mode 2
            message-id 00000007-0000-7000-8000-000000000000
            timestamp 1774747800
            type roll-back
            vb-not-after 2026-03-29T02:30:00.1234567Z
            vb-sent-at 2026-03-29T01:30:00.1234567Z
            vb-to snapshots.north
            vb-version 1
            """, Written(WireEnvelope.Properties(s_command)));
        Assert.Equal(s_command.Body, Encoding.UTF8.GetString(WireEnvelope.Body(s_command)));
        // An event has no time after which it is nothing any more.
        Assert.DoesNotContain("not-after", Written(WireEnvelope.Properties(s_command with { NotAfter = null })), StringComparison.Ordinal);
    }

    [Fact]
    public void The_names_at_the_broker_stay_as_they_are()
    {
        Assert.Equal(("vbackup", "vbackup.dead"), (RabbitMqTopology.Exchange, RabbitMqTopology.Dead));
        Assert.Equal(["vbackup.portal", "vbackup.service", "vbackup.snapshots.north"], ((string[])[Destination.Portal,
            Destination.Backup, Destination.Snapshots("north")]).Select(RabbitMqTopology.QueueOf));
        Assert.Equal(["vbackup.retry.1000ms", "vbackup.retry.10000ms", "vbackup.retry.60000ms", "vbackup.retry.300000ms"],
            new RabbitMqLimits().RetryPauses.Select(RabbitMqTopology.RetryAfter));
    }

    [Fact]
    public void What_was_written_is_read()
    {
        foreach (var envelope in (Envelope[])[s_command, s_command with { NotAfter = null }])
            Assert.Equal(envelope, WireEnvelope.Read(AsReceived(WireEnvelope.Properties(envelope)), WireEnvelope.Body(envelope)));
    }

    [Theory]
    [InlineData("vb-version", null)]
    [InlineData("vb-version", "1")]
    [InlineData("vb-to", null)]
    [InlineData("vb-to", "")]
    [InlineData("vb-sent-at", null)]
    [InlineData("vb-sent-at", "yesterday")]
    [InlineData("vb-sent-at", "2026-03-29T01:30:00Z")]
    // A command whose time cannot be read is not taken for one that has all the time.
    [InlineData("vb-not-after", "2026-03-29")]
    public void What_is_no_envelope_is_refused(string header, string? value)
    {
        var properties = AsReceived(WireEnvelope.Properties(s_command));
        properties.Headers![header] = value is null ? null : Encoding.UTF8.GetBytes(value);
        var refused = Assert.Throws<MalformedEnvelopeException>(() => WireEnvelope.Read(properties, "{}"u8));
        Assert.Contains(header, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("00000000-0000-0000-0000-000000000000", "roll-back")]
    [InlineData("7", "roll-back")]
    [InlineData(null, "roll-back")]
    [InlineData("00000007-0000-7000-8000-000000000000", null)]
    public void One_without_an_id_or_a_name_is_refused(string? id, string? name)
    {
        var properties = AsReceived(WireEnvelope.Properties(s_command));
        (properties.MessageId, properties.Type) = (id, name);
        Assert.Throws<MalformedEnvelopeException>(() => WireEnvelope.Read(properties, "{}"u8));
    }

    [Fact]
    public void What_goes_to_another_queue_is_the_same_message_without_what_the_broker_has_added()
    {
        var received = AsReceived(WireEnvelope.Properties(s_command));
        received.Headers!["x-death"] = new List<object>();
        received.Headers["x-delivery-count"] = 3L;
        received.Headers["theirs"] = true;
        received.Expiration = "1000";
        var again = WireEnvelope.Again(received);
        Assert.Equal(s_command, WireEnvelope.Read(again, WireEnvelope.Body(s_command)));
        Assert.False(again.IsExpirationPresent());
        Assert.Equal(["theirs", "vb-not-after", "vb-sent-at", "vb-to", "vb-version"], again.Headers!.Keys.Order());
    }

    /// <summary>As the client hands it over: texts in headers are bytes.</summary>
    static BasicProperties AsReceived(BasicProperties properties)
    {
        properties.Headers = properties.Headers!.ToDictionary(one => one.Key,
            one => one.Value is string text ? Encoding.UTF8.GetBytes(text) : one.Value);
        return properties;
    }

    static string Written(BasicProperties properties) => string.Join('\n', ((string[])
    [
        $"app-id {properties.AppId}", $"content-encoding {properties.ContentEncoding}", $"content-type {properties.ContentType}",
        $"delivery-mode {(int)properties.DeliveryMode}", $"message-id {properties.MessageId}",
        string.Create(CultureInfo.InvariantCulture, $"timestamp {properties.Timestamp.UnixTime}"), $"type {properties.Type}",
        .. properties.Headers!.Select(one => $"{one.Key} {one.Value}"),
    ]).Order(StringComparer.Ordinal));
}
