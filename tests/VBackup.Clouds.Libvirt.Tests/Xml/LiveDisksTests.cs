using System.Xml.Linq;
using VBackup.Clouds.Libvirt.Domains;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Xml;

public sealed class LiveDisksTests
{
    const string Saved = """
        <domain><name>web-1</name><devices>
          <disk type='network' device='disk'><source protocol='rbd' name='rbd/a'/><target dev='vda' bus='virtio'/></disk>
        </devices></domain>
        """;

    static XElement With(string disks) => XElement.Parse($"<domain><name>web-1</name><devices>{disks}</devices></domain>");

    [Fact]
    public void A_disk_that_was_attached_to_the_running_server_alone_is_kept_without_its_place_there()
    {
        var saved = XElement.Parse(Saved);
        Assert.True(LiveDisks.AddTo(saved, With("""
            <disk type='network' device='disk'>
              <source protocol='rbd' name='rbd/a'/><target dev='vda' bus='virtio'/><alias name='virtio-disk0'/>
            </disk>
            <disk type='network' device='disk'>
              <source protocol='rbd' name='rbd/c' index='3'/><backingStore/><target dev='vdc' bus='virtio'/><alias name='virtio-disk2'/>
              <address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>
            </disk>
            <disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
            """)));
        var disks = DomainDisks.Of(saved);
        Assert.Equal([("vda", "rbd/a"), ("vdc", "rbd/c")], disks.Select(disk => (disk.Name, disk.Volume.Value)));
        Assert.DoesNotContain(saved.Descendants(), element => element.Name.LocalName is "alias" or "address" or "backingStore");
    }

    [Fact]
    public void Where_there_is_none_the_configuration_stays_as_it_is()
    {
        var saved = XElement.Parse(Saved);
        Assert.False(LiveDisks.AddTo(saved, XElement.Parse(Saved)));
        Assert.True(XNode.DeepEquals(XElement.Parse(Saved), saved));
    }
}
