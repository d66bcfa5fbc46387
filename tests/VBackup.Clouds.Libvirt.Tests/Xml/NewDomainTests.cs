using System.Xml.Linq;
using VBackup.Clouds.Libvirt.Domains;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Xml;

public sealed class NewDomainTests
{
    static readonly Guid Id = new("01234567-89ab-4cde-8f01-23456789abcd");

    /// <summary>A disk with everything that binds a server to its host; <c>rich.new.xml</c> was read line by
    /// line.</summary>
    [Fact]
    public void Nothing_of_the_old_server_or_its_host_is_left()
    {
        var made = Make(Golden("rich.saved.xml"), ("vda", "restored/web-a"), ("vdb", "restored/space/web-b"));
        Assert.Equal(Golden("rich.new.xml"), XElement.Parse(made) + "\n");
    }

    [Fact]
    public void What_was_made_can_be_made_again()
    {
        (string, string)[] volumes = [("vda", "restored/web-a"), ("vdb", "restored/space/web-b")];
        var once = Make(Golden("rich.saved.xml"), volumes);
        Assert.Equal(XElement.Parse(once).Elements("devices").Elements().Count(),
            XElement.Parse(Make(once, volumes)).Elements("devices").Elements().Count());
    }

    [Theory]
    [InlineData("/srv/a.raw", "file", "file", "raw")]
    [InlineData("/srv/a.qcow2", "file", "file", "qcow2")]
    [InlineData("/srv/a", "file", "file", "raw")]
    [InlineData("/dev/vg/a", "block", "dev", "raw")]
    public void A_path_becomes_a_file_or_a_device(string path, string type, string attribute, string format)
    {
        var disk = DiskOf(Make(Domain("<disk type='network'><source protocol='rbd' name='p/i'/><auth username='u'/><target "
            + "dev='vda'/></disk>"),
            ("vda", path)));
        Assert.Equal(type, (string?)disk.Attribute("type"));
        Assert.Equal(path, (string?)disk.Element("source")!.Attribute(attribute));
        Assert.Equal(format, (string?)disk.Element("driver")!.Attribute("type"));
        Assert.Null(disk.Element("auth"));
    }

    [Fact]
    public void The_settings_say_how_to_reach_ceph_before_the_saved_server_does()
    {
        var disk = DiskOf(NewDomain.From(
            DomainXml.Parse(Domain("<disk type='file'><source file='/a'/><target dev='vda'/></disk>"), "web"), "new", Id,
            new Dictionary<string, VolumeId> { ["vda"] = new("pool/image") },
            new CephAccess("/etc/ceph/ceph.conf", "backup", "457eb676-33da-42ec-9a8c-9293d545c337", ["mon1:6789", "[::1]:3300", "mon3"])));
        Assert.Equal("""
            <source protocol="rbd" name="pool/image">
              <host name="mon1" port="6789" />
              <host name="::1" port="3300" />
              <host name="mon3" />
              <config file="/etc/ceph/ceph.conf" />
            </source>
            """, disk.Element("source")!.ToString());
        Assert.Equal("backup", (string?)disk.Element("auth")!.Attribute("username"));
    }

    [Fact]
    public void A_disk_that_goes_to_ceph_needs_to_be_told_how() =>
        Refuses("how servers reach it", Domain("<disk type='file'><source file='/a'/><target dev='vda'/></disk>"), ("vda", "pool/image"));

    [Fact]
    public void A_disk_that_the_saved_server_has_not_is_refused() =>
        Refuses("no disk vdx", Domain("<disk type='file'><source file='/a'/><target dev='vda'/></disk>"), ("vda", "/b"), ("vdx", "/c"));

    [Theory]
    [InlineData("", "vda")]
    [InlineData("<os><boot dev='network'/><boot dev='hd'/></os>", "vda")]
    [InlineData("<os><kernel/></os>", null)]
    [InlineData("<os><boot dev='network'/></os>", null)]
    public void The_disk_that_it_boots_from_must_be_given(string system, string? boot)
    {
        var domain = Domain(
            "<disk type='file'><source file='/a'/><target dev='vda'/></disk><disk type='file'><source file='/b'/><target "
                + "dev='vdb'/></disk>",
            system);
        if (boot is not null) Refuses($"no volume is given for {boot}", domain, ("vdb", "/c"));
        else Assert.Equal("vdb", (string?)DiskOf(Make(domain, ("vdb", "/c"))).Element("target")!.Attribute("dev"));
    }

    [Fact]
    public void The_order_of_booting_says_which_disk_it_is() => Refuses(
        "no volume is given for vdb",
        Domain("""
            <interface type='network'><boot order='1'/></interface>
            <disk type='file'><source file='/a'/><target dev='vda'/><boot order='3'/></disk>
            <disk type='file'><source file='/b'/><target dev='vdb'/><boot order='2'/></disk>
            """),
        ("vda", "/c"));

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../etc")]
    [InlineData("a\nb")]
    [InlineData("a\\b")]
    public void What_can_be_no_name_is_refused(string name) => Assert.Throws<CloudException>(() => NewDomain.From(
        DomainXml.Parse(Domain(""), "web"), name, Id, new Dictionary<string, VolumeId>(), null));

    [Fact]
    public void A_domain_without_devices_is_refused() =>
        Assert.Throws<CloudException>(() => Make("<domain/>"));

    static string Domain(string devices, string system = "") => $"<domain>{system}<devices>{devices}</devices></domain>";

    static XElement DiskOf(string xml) => Assert.Single(XElement.Parse(xml).Elements("devices").Elements("disk"));

    static string Make(string saved, params (string Disk, string Volume)[] volumes) => NewDomain.From(
        DomainXml.Parse(saved, "web"), "new", Id, volumes.ToDictionary(pair => pair.Disk, pair => new VolumeId(pair.Volume)), null);

    static void Refuses(string reason, string saved, params (string Disk, string Volume)[] volumes) => Assert.Contains(
        reason, Assert.Throws<CloudException>(() => Make(saved, volumes)).Message, StringComparison.Ordinal);

    static string Golden(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Xml", "golden", name));
}
