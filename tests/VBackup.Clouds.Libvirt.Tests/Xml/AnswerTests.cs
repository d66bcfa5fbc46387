using VBackup.Clouds.Libvirt.Domains;
using VBackup.Clouds.Libvirt.Native;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Xml;

public sealed class AnswerTests
{
    [Theory]
    [InlineData("""{"return":"frozen"}""", true)]
    [InlineData("""{"return":"thawed"}""", false)]
    [InlineData("""{"return":"melting"}""", null)]
    [InlineData("""{"return":1}""", null)]
    [InlineData("""{"error":{"class":"GenericError"}}""", null)]
    [InlineData("[]", null)]
    [InlineData("", null)]
    public void An_agent_says_frozen_or_thawed_or_nothing(string answer, bool? frozen) =>
        Assert.Equal(frozen, LibvirtHypervisor.IsFrozen(answer));

    [Theory]
    [InlineData("connected", true)]
    [InlineData("disconnected", false)]
    public void An_agent_is_there_when_its_channel_is_connected(string state, bool connected) => Assert.Equal(
        connected,
        AgentChannel.IsConnected(DomainXml.Parse(
            $"<domain><devices><channel><target name='org.qemu.guest_agent.0' state='{state}'/></channel></devices></domain>", "web")));

    [Theory]
    [InlineData("<channel><target name='com.redhat.spice.0' state='connected'/></channel>")]
    [InlineData("<channel><target name='org.qemu.guest_agent.0'/></channel>")]
    [InlineData("<channel/>")]
    [InlineData("")]
    public void Other_channels_are_no_agent(string channel) => Assert.False(
        AgentChannel.IsConnected(DomainXml.Parse($"<domain><devices>{channel}</devices></domain>", "web")));

    /// <summary>The numbers are libvirt's, the kinds are what callers decide by.</summary>
    [Theory]
    [InlineData(42, CloudFailure.NotFound)]
    [InlineData(28, CloudFailure.Exists)]
    [InlineData(87, CloudFailure.InUse)]
    [InlineData(29, CloudFailure.NotAllowed)]
    [InlineData(45, CloudFailure.NotAllowed)]
    [InlineData(88, CloudFailure.NotAllowed)]
    [InlineData(68, CloudFailure.TimedOut)]
    [InlineData(86, CloudFailure.TimedOut)]
    [InlineData(112, CloudFailure.TimedOut)]
    [InlineData(3, CloudFailure.NotSupported)]
    [InlineData(1, CloudFailure.Other)]
    [InlineData(9, CloudFailure.Other)]
    public void Errors_of_libvirt_have_a_kind(int code, CloudFailure failure) =>
        Assert.Equal(failure, LibvirtError.FailureOf((LibvirtErrorCode)code));
}
