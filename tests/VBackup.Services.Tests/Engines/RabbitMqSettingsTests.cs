using VBackup.Platform.Messaging.RabbitMq;
using Xunit;

namespace VBackup.Services.Tests.Engines;

/// <summary>What is wrong with the broker's settings is said when they are given, in a line that names the setting.</summary>
public sealed class RabbitMqSettingsTests : IDisposable
{
    readonly TempFile _password = new("secret");

    RabbitMqSettings Good => new() { Host = "localhost", User = "vbackup", PasswordFile = _password.Path };

    [Theory]
    [InlineData("localhost")]
    [InlineData("127.0.0.1")]
    [InlineData("127.8.0.1")]
    [InlineData("::1")]
    public void To_this_machine_messages_go_without_TLS(string host) => Assert.Empty((Good with { Host = host }).Faults());

    [Theory]
    [InlineData("broker.example.org")]
    [InlineData("10.0.0.7")]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("localhost.example.org")]
    public void To_another_they_go_with_TLS_alone(string host)
    {
        Assert.StartsWith("RabbitMq:Tls: is false", Assert.Single((Good with { Host = host }).Faults()), StringComparison.Ordinal);
        Assert.Empty((Good with { Host = host, Tls = true }).Faults());
    }

    [Fact]
    public void Each_fault_is_a_line_that_names_its_setting()
    {
        Assert.StartsWith("RabbitMq:Host: ", Fault(Good with { Host = "localhost:5672" }), StringComparison.Ordinal);
        Assert.StartsWith("RabbitMq:Port: is 0", Fault(Good with { Port = 0 }), StringComparison.Ordinal);
        Assert.StartsWith("RabbitMq:VirtualHost: ", Fault(Good with { VirtualHost = "" }), StringComparison.Ordinal);
        Assert.StartsWith("RabbitMq:User: ", Fault(Good with { User = "" }), StringComparison.Ordinal);
        Assert.StartsWith("RabbitMq:PasswordFile: there is no file", Fault(Good with { PasswordFile = _password.Path + "x" }),
            StringComparison.Ordinal);
        Assert.StartsWith("RabbitMq:CaFile: is of use only", Fault(Good with { CaFile = _password.Path }), StringComparison.Ordinal);
        Assert.StartsWith("RabbitMq:CaFile: there is no file", Fault(Good with { Tls = true, CaFile = _password.Path + "x" }),
            StringComparison.Ordinal);
        Assert.Contains("no certificate", Fault(Good with { Tls = true, CaFile = _password.Path }), StringComparison.Ordinal);
    }

    [Fact]
    public void Nobody_connects_with_settings_that_are_wrong()
    {
        var wrong = Good with { Host = "broker.example.org" };
        var refused = Assert.Throws<RabbitMqSettingsException>(() => new RabbitMqTransport(wrong, new(), "tests", TimeProvider.System));
        Assert.Equal(refused.Message, Assert.Single(refused.Faults));
        Assert.DoesNotContain("secret", refused.ToString(), StringComparison.Ordinal);
        Assert.Throws<RabbitMqSettingsException>(() => new RabbitMqDeadLetters(wrong, new(), TimeProvider.System));
    }

    static string Fault(RabbitMqSettings settings) => Assert.Single(settings.Faults());

    public void Dispose() => _password.Dispose();
}
