using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Libvirt.Tests.Live;

[Collection(LiveServerTests.Name)]
public sealed class LiveLifecycleTests(LiveServer server)
{
    readonly CancellationToken none = CancellationToken.None;

    [Fact]
    public async Task The_list_has_every_server_with_its_state_and_disks()
    {
        var servers = await server.Hypervisor.ListAsync(none);
        Assert.Equal(servers.Select(one => one.Name).Order(StringComparer.Ordinal), servers.Select(one => one.Name));
        Assert.Equal(ServerState.Running, Assert.Single(servers, one => one.Name == server.Name).State);
        var lab = Assert.Single(servers, one => one.Name == LiveServer.Template);
        Assert.Equal(["vda", "vdb"], lab.Disks.Select(disk => disk.Name));
        var found = await server.Hypervisor.FindAsync(LiveServer.Template, none);
        Assert.Equal((lab.Id, lab.State), (found!.Id, found.State));
        Assert.Equal(lab.Disks, found.Disks);
        Assert.Null(await server.Hypervisor.FindAsync("no-such-server", none));
    }

    [Fact]
    public async Task A_new_server_has_an_identity_of_its_own_and_lives_a_life()
    {
        var hypervisor = server.Hypervisor;
        var name = server.Name + "-new";
        var made = await server.DefineAsync(name);
        try
        {
            Assert.Equal(ServerState.Shutdown, made.State);
            Assert.NotEqual((await hypervisor.FindAsync(LiveServer.Template, none))!.Id, made.Id);
            Assert.All(made.Disks, disk => Assert.EndsWith(".raw", disk.Volume.Value, StringComparison.Ordinal));
            Assert.False(await hypervisor.IsFrozenAsync(name, none));
            Assert.Null(await hypervisor.FreezeAsync(name, none));

            var second = await Assert.ThrowsAsync<CloudException>(() => server.DefineAsync(name));
            Assert.Equal(CloudFailure.Exists, second.Failure);

            await hypervisor.StartAsync(name, none);
            await hypervisor.StartAsync(name, none);
            Assert.Equal(ServerState.Running, (await hypervisor.FindAsync(name, none))!.State);
            var running = await Assert.ThrowsAsync<CloudException>(() => hypervisor.RemoveAsync(name, none));
            Assert.Equal(CloudFailure.InUse, running.Failure);

            // It has just begun to boot and hears no power button: patience ends, and so does it.
            await hypervisor.StopAsync(name, TimeSpan.FromSeconds(1), none);
            await hypervisor.StopAsync(name, TimeSpan.FromSeconds(1), none);
            Assert.Equal(ServerState.Shutdown, (await hypervisor.FindAsync(name, none))!.State);
        }
        finally
        {
            await hypervisor.StopAsync(name, TimeSpan.Zero, none);
            await hypervisor.RemoveAsync(name, none);
        }
        Assert.Null(await hypervisor.FindAsync(name, none));
        await hypervisor.RemoveAsync(name, none);
    }

    [Fact]
    public async Task Disks_that_cannot_be_backed_up_are_told_of_a_server_and_of_what_libvirt_saves_of_it()
    {
        var hypervisor = server.Hypervisor;
        var name = server.Name + "-more";
        await server.DefineAsync(name);
        try
        {
            await server.AttachAsync(name, """
                <disk type='volume' device='disk'><source pool='nowhere' volume='a'/><target dev='vdc' bus='virtio'/></disk>
                <disk type='network' device='disk'>
                  <source protocol='nbd' name='b'><host name='127.0.0.1' port='10809'/></source><target dev='vdd' bus='virtio'/>
                </disk>
                <disk type='volume' device='disk'><source pool='nowhere' volume='c'/><target dev='vde' bus='virtio'/><readonly/></disk>
                """);
            var found = (await hypervisor.FindAsync(name, none))!;
            Assert.Equal(["vda", "vdb"], found.Disks.Select(disk => disk.Name));
            Assert.Equal([new("vdc", "a libvirt storage pool's volume: not supported"), new("vdd", "a network disk by nbd: not supported")],
                found.LeftOut);
            Assert.Equal(found.LeftOut, hypervisor.LeftOutOf(await hypervisor.ReadConfigurationAsync(name, none)));
        }
        finally
        {
            await hypervisor.RemoveAsync(name, none);
        }
    }

    [Fact]
    public async Task What_libvirt_saves_can_be_defined_again_and_again()
    {
        var hypervisor = server.Hypervisor;
        var first = await hypervisor.ReadConfigurationAsync(server.Name, none);
        Assert.Equal("libvirt-domain-xml", first.Kind);
        var name = server.Name + "-again";
        var volumes = new Dictionary<string, VolumeId> { ["vda"] = new("rbd/again-a"), ["vdb"] = new("rbd/space/again-b") };
        await using var onCeph = new LibvirtHypervisor(
            new LibvirtSettings(LiveServer.Uri)
            {
                Ceph = new(null, "backup", "6ac5f0f6-2d1b-4d0c-9a50-0f5c6f1a9d11", ["127.0.0.1:6789"]),
            },
            TimeProvider.System);
        var made = await onCeph.DefineAsync(name, first, volumes, none);
        try
        {
            Assert.Equal(volumes.Select(volume => new ServerDisk(volume.Key, volume.Value)), made.Disks);
            var second = await hypervisor.ReadConfigurationAsync(name, none);
            Assert.Contains(made.Id, second.Text, StringComparison.Ordinal);
        }
        finally
        {
            await hypervisor.RemoveAsync(name, none);
        }
    }

    [Theory]
    [InlineData("lab")]
    [InlineData("")]
    public async Task Configurations_of_other_kinds_are_refused(string kind)
    {
        var failure = await Assert.ThrowsAsync<CloudException>(() => server.Hypervisor.DefineAsync(
            "x", new ServerConfiguration(kind, "<domain/>"), new Dictionary<string, VolumeId>(), none));
        Assert.Equal(CloudFailure.NotSupported, failure.Failure);
    }

    [Fact]
    public async Task What_is_not_there_is_named()
    {
        var failure = await Assert.ThrowsAsync<CloudException>(
            () => server.Hypervisor.StartAsync("no-such-server", none));
        Assert.Equal((CloudFailure.NotFound, "no-such-server"), (failure.Failure, failure.Subject));
    }
}
