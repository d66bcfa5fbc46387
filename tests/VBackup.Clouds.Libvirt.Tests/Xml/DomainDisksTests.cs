using System.Text;
using VBackup.Clouds.Libvirt.Domains;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Xml;

public sealed class DomainDisksTests
{
    static IReadOnlyList<ServerDisk> DisksOf(string devices) =>
        DomainDisks.Of(DomainXml.Parse($"<domain><devices>{devices}</devices></domain>", "web"));

    [Theory]
    [InlineData("<disk type='network' device='disk'><source protocol='rbd' name='pool/image'/>", "pool/image")]
    [InlineData("<disk type='network'><source protocol='rbd' name='pool/space/image'><host name='a'/></source>", "pool/space/image")]
    [InlineData("<disk type='file' device='disk'><driver type='raw'/><source file='/srv/a.raw' index='1'/>", "/srv/a.raw")]
    [InlineData(
        "<disk type='file'><driver type='qcow2'/><source file='/srv/a.qcow2'/><backingStore type='file'><source "
            + "file='/srv/base'/></backingStore>",
        "/srv/a.qcow2")]
    [InlineData("<disk type='block' device='lun'><source dev='/dev/sdx'/>", "/dev/sdx")]
    public void A_disk_is_where_its_source_says(string disk, string volume) =>
        Assert.Equal(
            [new ServerDisk("vda", new VolumeId(volume))], DisksOf($"{disk}<target dev='vda' bus='virtio'/></disk>"));

    [Theory]
    [InlineData("<disk type='file' device='cdrom'><source file='/srv/a.iso'/>")]
    [InlineData("<disk type='file' device='floppy'><source file='/srv/a.img'/>")]
    [InlineData("<disk type='file' device='disk'>")]
    [InlineData("<disk type='file' device='disk'><source/>")]
    [InlineData("<disk type='file' device='disk'><source file=''/>")]
    [InlineData("<disk type='network'><source protocol='nbd' name='a'/>")]
    [InlineData("<disk type='network'><source protocol='rbd' name='pool/image'><snapshot name='s'/></source>")]
    [InlineData("<disk type='volume'><source pool='default' volume='a'/>")]
    [InlineData("<disk><source file='/srv/a.raw'/>")]
    public void What_cannot_be_backed_up_is_left_out(string disk) =>
        Assert.Empty(DisksOf($"{disk}<target dev='vda'/></disk>"));

    static IReadOnlyList<LeftOutDisk> LeftOutOf(string disk) => DomainDisks.LeftOutOf(
        DomainXml.Parse($"<domain><devices>{disk}<target dev='vda'/></disk></devices></domain>", "web"));

    [Theory]
    [InlineData("<disk type='volume' device='disk'><source pool='default' volume='a'/>", "a libvirt storage pool's volume: not supported")]
    [InlineData("<disk type='network'><source protocol='nbd' name='a'/>", "a network disk by nbd: not supported")]
    [InlineData("<disk type='network' device='lun'><source protocol='iscsi' name='iqn.2026-03.test:a/1'><host name='a'/></source>",
        "a network disk by iscsi: not supported")]
    [InlineData("<disk type='nvme'><source type='pci' managed='yes' namespace='1'><address domain='0x0000' bus='0x01'/></source>",
        "an NVMe device of the host: not supported")]
    [InlineData("<disk type='vhostuser'><source type='unix' path='/run/a.sock'/>", "a vhost-user device: not supported")]
    [InlineData("<disk type='vhostvdpa'><source dev='/dev/vhost-vdpa-0'/>", "a vDPA device: not supported")]
    [InlineData("<disk type='dir'><source dir='/srv/a'/>", "a folder that is shown as a disk: not supported")]
    [InlineData("<disk type='later'><source place='a'/>", "a disk of the type later: not supported")]
    [InlineData("<disk><source file='/srv/a.raw'/>", "a disk of an unknown type: not supported")]
    public void A_disk_that_a_guest_may_keep_data_on_is_left_out_by_name(string disk, string reason) =>
        Assert.Equal([new LeftOutDisk("vda", reason)], LeftOutOf(disk));

    [Theory]
    [InlineData("<disk type='file'><source file='/srv/a.raw'/>")]
    [InlineData("<disk type='block' device='lun'><source dev='/dev/sdx'/>")]
    [InlineData("<disk type='network'><source protocol='rbd' name='pool/image'/>")]
    [InlineData("<disk type='network'><source protocol='rbd' name='pool/image'><snapshot name='s'/></source>")]
    [InlineData("<disk type='volume' device='cdrom'><source pool='default' volume='a.iso'/>")]
    [InlineData("<disk type='network' device='floppy'><source protocol='nbd' name='a'/>")]
    [InlineData("<disk type='volume'><source pool='default' volume='seed'/><readonly/>")]
    [InlineData("<disk type='volume'>")]
    [InlineData("<disk type='volume'><source startupPolicy='optional' index='2'/>")]
    [InlineData("<disk type='file'><source file=''/>")]
    public void What_is_backed_up_is_empty_or_is_never_written_is_not_said_to_be_left_out(string disk) =>
        Assert.Empty(LeftOutOf(disk));

    [Fact]
    public async Task A_saved_configuration_tells_what_was_left_out_and_one_of_another_kind_nothing()
    {
        const string Xml = "<domain><devices><disk type='volume'><source pool='default' volume='a'/><target dev='vdb'/></disk></devices>"
            + "</domain>";
        await using var hypervisor = new LibvirtHypervisor(new("test:///default"), TimeProvider.System);
        Assert.Equal(["vdb"], hypervisor.LeftOutOf(new(LibvirtHypervisor.ConfigurationKind, Xml)).Select(disk => disk.Name));
        Assert.Empty(hypervisor.LeftOutOf(new("lab", "{}")));
    }

    [Fact]
    public void A_disk_without_a_name_is_left_out() =>
        Assert.Empty(DisksOf("<disk type='file'><source file='/srv/a.raw'/></disk>"));

    [Fact]
    public void A_domain_without_devices_has_no_disks() =>
        Assert.Empty(DomainDisks.Of(DomainXml.Parse("<domain/>", "web")));

    public static TheoryData<string, string> Hostile => new()
    {
        { "", "Root element" },
        { "no xml", "" },
        { "<domain>", "" },
        { "<network/>", "not <domain>" },
        { "<domain xmlns='urn:other'/>", "not <domain>" },
        { "<!DOCTYPE domain [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><domain>&b;</domain>", "DTD" },
        { "<!DOCTYPE domain [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><domain>&f;</domain>", "DTD" },
        { "<!DOCTYPE domain SYSTEM 'http://localhost/a.dtd'><domain/>", "DTD" },
        { $"<domain>{new string('a', DomainXml.LengthCharactersMax)}</domain>", "more than" },
        { Nested(DomainXml.DepthMax + 1), "deep" },
        { Nested(100_000), "deep" },
    };

    [Theory]
    [MemberData(nameof(Hostile), DisableDiscoveryEnumeration = true)]
    public void What_is_no_description_of_a_domain_is_refused_by_name(string xml, string reason)
    {
        var failure = Assert.Throws<CloudException>(() => DomainXml.Parse(xml, "web"));
        Assert.Equal("web", failure.Subject);
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_nests_as_deep_as_allowed_is_read() => DomainXml.Parse(Nested(DomainXml.DepthMax), "web");

    static string Nested(int depth) =>
        "<domain>" + new StringBuilder().Insert(0, "<a>", depth) + new StringBuilder().Insert(0, "</a>", depth) + "</domain>";
}
