using VBackup.Clouds.Libvirt.Domains;
using VBackup.Clouds.Servers;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Xml;

public sealed class DomainSizeTests
{
    [Theory]
    [InlineData("<vcpu>2</vcpu><memory unit='KiB'>4194304</memory>", 2, 4L << 30)]
    // Some of those that it may have are unplugged.
    [InlineData("<vcpu placement='static' current='3'>8</vcpu><memory>1024</memory>", 3, 1L << 20)]
    [InlineData("<vcpu> 1 </vcpu><memory unit='GiB'> 2 </memory><currentMemory unit='GiB'>1</currentMemory>", 1, 2L << 30)]
    [InlineData("<memory unit='MB'>5</memory>", null, 5_000_000L)]
    [InlineData("<vcpu>many</vcpu><memory unit='pages'>5</memory>", null, null)]
    [InlineData("<vcpu>-1</vcpu><memory unit='TiB'>9223372036854775807</memory>", null, null)]
    [InlineData("", null, null)]
    public void It_is_what_the_domain_says_as_far_as_that_makes_sense(string elements, int? processors, long? memoryBytes) =>
        Assert.Equal(new ServerSize(processors, memoryBytes),
            DomainSize.Of(DomainXml.Parse($"<domain>{elements}</domain>", "web")));
}
