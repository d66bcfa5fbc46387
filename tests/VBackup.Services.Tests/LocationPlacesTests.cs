using System.Net;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Limits;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Edge.Running;
using VBackup.Service.Locations;
using VBackup.Services.Tests.World;
using VBackup.Vault;
using VBackup.Vault.Stores;
using VBackup.Worker;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Whoever makes a location reaches nothing by it that the operator has not given for locations.</summary>
public sealed class LocationPlacesTests
{
    static readonly LocationFolders s_folders = new(["/srv/backups", "/mnt/cephfs/"], "/srv/vbackup");

    [Theory]
    [InlineData("/srv/backups/project", null)]
    [InlineData("/srv/backups/a/../b/project", null)]
    [InlineData("/mnt/cephfs/a/project", null)]
    [InlineData("/srv/backups-of-others/project", "Worker:LocationRoots")]
    [InlineData("/srv/backups/../../etc/project", "Worker:LocationRoots")]
    [InlineData("/etc/project", "Worker:LocationRoots")]
    [InlineData("/srv/vbackup/location/project", null)]
    [InlineData("/srv/vbackup/location/inner/project", "data folder")]
    [InlineData("/srv/vbackup/cloud/project", "data folder")]
    [InlineData("/srv/vbackup/locations/x/project", "Worker:LocationRoots")]
    [InlineData("/srv", "data folder")]
    public void A_vault_lies_within_a_root_and_outside_of_what_the_system_needs(string vault, string? fault) =>
        Assert.Contains(fault ?? "nothing", s_folders.FaultOf(vault, Path.GetFullPath) ?? "nothing", StringComparison.Ordinal);

    [Fact]
    public void Of_the_data_folder_only_what_is_there_for_locations_can_be_a_root()
    {
        var folders = new LocationFolders(["/srv/vbackup/cloud", "/srv/vbackup/locations"], "/srv/vbackup");
        Assert.Null(folders.FaultOf("/srv/vbackup/locations/x/project", Path.GetFullPath));
        Assert.Contains("data folder", folders.FaultOf("/srv/vbackup/cloud/x/project", Path.GetFullPath)!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("*", "https://s3.example.org", true)]
    [InlineData("*", "http://10.0.0.7:7480", true)]
    [InlineData("*", null, true)]
    [InlineData("*", "http://169.254.169.254", false)]
    [InlineData("*", "http://[fe80::1]:80", false)]
    [InlineData("*", "http://[::ffff:169.254.169.254]", false)]
    [InlineData("*", "http://2852039166/", false)]
    [InlineData("*", "http://127.0.0.1:9000", false)]
    [InlineData("*", "http://localhost:9000", false)]
    [InlineData("*", "http://0.0.0.0:9000", false)]
    [InlineData("*", "ftp://s3.example.org", false)]
    [InlineData("*,127.0.0.1:9000", "http://127.0.0.1:9000", true)]
    [InlineData("*,127.0.0.1:9000", "http://127.0.0.1:9001", false)]
    [InlineData("S3.example.org", "https://s3.example.org:8443", true)]
    [InlineData("s3.example.org", "https://s3.example.org.evil.example", false)]
    [InlineData("s3.example.org", null, false)]
    [InlineData("s3.eu-west-1.amazonaws.com", null, true)]
    [InlineData("[fe80::1]:7480", "http://[fe80::1]:7480", true)]
    public void An_endpoint_is_one_that_is_listed_and_special_addresses_are_listed_themselves(string listed, string? endpoint, bool isGood)
    {
        var fault = new StoreEndpoints(listed.Split(',')).FaultOf(endpoint, "eu-west-1");
        Assert.Equal(isGood, fault is null);
    }

    [Theory]
    [InlineData("169.254.169.254", false)]
    [InlineData("::ffff:127.0.0.1", false)]
    [InlineData("64:ff9b::a9fe:a9fe", false)]
    [InlineData("10.1.2.3", true)]
    [InlineData("203.0.113.9", true)]
    public void A_name_reaches_no_special_address_unless_it_is_listed(string address, bool isGood)
    {
        Assert.Equal(isGood, new StoreEndpoints(["*"]).AddressFault("https://s3.example.org", null)!(IPAddress.Parse(address)) is null);
        Assert.Null(new StoreEndpoints(["s3.example.org"]).AddressFault("https://s3.example.org", null));
    }

    [Fact]
    public async Task A_location_elsewhere_is_refused_with_the_setting_that_would_allow_it()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var registry = new LocationRegistry(world.Backup, world.Secrets, new(
            new([world.Path("roots")], world.Path("data")), new(["s3.example.org"])));
        var (folder, bucket) = (Folder(world, world.Path("roots/x")), Folder(world, "s3://bucket") with
        { Kind = LocationKindView.VStorage, Endpoint = "http://169.254.169.254", AccessKey = "key", SecretKey = "secret" });
        Assert.NotNull((await MakeAsync(folder)).Location);
        var outside = await MakeAsync(folder with { Name = "outside", Address = world.Path("roots/../elsewhere") });
        Assert.Equal(("invalid", "address", $"it lies in none of the folders that Worker:LocationRoots lists: {world.Path("roots")}"),
            (outside.Code, outside.Field, outside.Reason));
        var metadata = await MakeAsync(bucket);
        Assert.Equal(("invalid", "endpoint", "169.254.169.254 is none of those that Worker:S3Endpoints lists"),
            (metadata.Code, metadata.Field, metadata.Reason));

        Task<LocationAnswer> MakeAsync(NewLocation wish) => registry.CreateAsync(world.Ids.New<LocationId>(), wish, default);
    }

    [Fact]
    public void What_this_machine_has_in_a_network_is_this_machine()
    {
        var own = OwnAddress.OrSkip();
        var any = new StoreEndpoints(["*"]);
        Assert.Contains("this machine", any.AddressFault("https://s3.example.org", null)!(own)!, StringComparison.Ordinal);
        Assert.Contains("this machine", any.AddressFault("https://s3.example.org", null)!(own.MapToIPv6())!, StringComparison.Ordinal);
        Assert.Contains("this machine", any.FaultOf($"http://{own}:9000", null)!, StringComparison.Ordinal);
        Assert.Null(new StoreEndpoints([StoreEndpoints.AnyHost, $"{own}:9000"]).FaultOf($"http://{own}:9000", null));
    }

    [Theory]
    [InlineData("https://user:hunter2@s3.example.org", "endpoint")]
    [InlineData("https://hunter2@s3.example.org", "endpoint")]
    [InlineData("https://@s3.example.org", "endpoint")]
    [InlineData("https://s3.example.org/hunter2", "endpoint")]
    [InlineData("https://s3.example.org/?hunter2", "endpoint")]
    [InlineData("https://s3.example.org?", "endpoint")]
    [InlineData("https://s3.example.org#hunter2", "endpoint")]
    [InlineData(" https://s3.example.org", "endpoint")]
    [InlineData("ftp://s3.example.org", "endpoint")]
    [InlineData("hunter2", "endpoint")]
    [InlineData("https://s3.example.org", null)]
    [InlineData("http://10.0.0.7:7480/", null)]
    [InlineData("https://s3.example.org", "s3Region", "hunter2 or so")]
    [InlineData("https://s3.example.org", "s3Region", "")]
    [InlineData("https://s3.example.org", "s3Region", "eu/west")]
    [InlineData("https://s3.example.org", "address", "eu-west-1", "s3://user:hunter2@bucket")]
    [InlineData("https://s3.example.org", "address", "eu-west-1", "s3://bucket/prefix?hunter2")]
    [InlineData("https://s3.example.org", "address", "eu-west-1", "s3://Bucket")]
    public async Task How_a_bucket_is_reached_is_written_well_or_refused_by_its_field_and_not_repeated(string endpoint, string? field,
        string region = "eu-west-1", string address = "s3://bucket/prefix")
    {
        await using var world = await ServiceWorld.MakeAsync();
        var wish = new NewLocation(world.Project, ServiceWorld.Region, "bucket", LocationKindView.VStorage, address, endpoint, region,
            "access", "secret", null, 0, IsDefault: false);
        var answer = await new LocationRegistry(world.Backup, world.Secrets).CreateAsync(world.Ids.New<LocationId>(), wish, default);
        Assert.Equal((field is null ? null : "invalid", field), (answer.Code, answer.Field));
        Assert.DoesNotContain("hunter2", answer.Reason ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_vault_lies_within_another_and_none_around_one()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var registry = new LocationRegistry(world.Backup, world.Secrets);
        var theirs = world.Ids.New<ProjectId>();
        var wish = Folder(world, world.Path($"location/{world.Project}/packs")) with { Project = theirs };
        Assert.Equal(("invalid", "address"), await MakeAsync(wish));
        Assert.Equal((null, null), await MakeAsync(wish with { Address = world.Path("location") }));
        Assert.Equal((null, null), await MakeAsync(wish with { Address = world.Path("location/beside") }));
        // Its own vault would have theirs within it.
        Assert.Equal((null, null), await MakeAsync(wish with { Address = world.Path($"around/{world.Project}") }));
        Assert.Equal(("invalid", "address"), await MakeAsync(wish with { Project = world.Project, Address = world.Path("around") }));

        async Task<(string?, string?)> MakeAsync(NewLocation one)
        {
            var answer = await registry.CreateAsync(world.Ids.New<LocationId>(), one with { Name = $"{world.Ids.New<RunId>()}" }, default);
            return (answer.Code, answer.Field);
        }
    }

    [Fact]
    public async Task A_worker_looks_where_links_lead_before_it_uses_a_folder()
    {
        await using var world = await ServiceWorld.MakeAsync();
        Directory.CreateDirectory(world.Path("roots"));
        Directory.CreateDirectory(world.Path("elsewhere"));
        Directory.CreateSymbolicLink(world.Path("roots/link"), world.Path("elsewhere"));
        var vaults = Vaults(new([world.Path("roots")], world.Path("data")));
        var refused = Assert.Throws<RefusedException>(() => Open("roots/link/vault"));
        Assert.Contains("Worker:LocationRoots", refused.Message, StringComparison.Ordinal);
        Assert.Throws<RefusedException>(() => Open("roots/../elsewhere/vault"));
        await Assert.ThrowsAsync<RefusedException>(() =>
            vaults.IsThereAsync(new(world.Path("elsewhere"), null, null), new(null, null, null), default));
        await Open("roots/real/vault").DisposeAsync();
        Assert.True(Directory.Exists(world.Path("roots/real/vault")));
        Assert.False(Directory.Exists(world.Path("elsewhere/vault")));

        IObjectStore Open(string folder) => vaults.Store(new(world.Path(folder), null, null), new(null, null, null), creates: true);
    }

    [Fact]
    public async Task A_place_within_a_vault_that_nobody_told_of_is_found_out_by_the_worker()
    {
        await using var world = await ServiceWorld.MakeAsync();
        Directory.CreateDirectory(world.Path("foreign"));
        await File.WriteAllTextAsync(world.Path("foreign/vault"), "of somebody's own");
        var made = await new LocationRegistry(world.Backup, world.Secrets).CreateAsync(
            world.Ids.New<LocationId>(), Folder(world, world.Path("foreign/packs")), default);
        await world.SettleAsync();
        var location = await world.Backup.MakeAsync(async change => (await change.Db.Locations.FindAsync(made.Location!.Location))!.View(),
            default);
        Assert.Equal((LocationStateView.Refused, $"it lies within another vault, {world.Path("foreign")}"),
            (location.State, location.Refusal));
    }

    [Fact]
    public async Task A_name_that_means_a_forbidden_address_is_refused_at_the_first_look_with_the_reason()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var name = Dns.GetHostName();
        var addresses = await Dns.GetHostAddressesAsync(name);
        Assert.SkipUnless(addresses.Length > 0 && addresses.All(NetworkAddress.IsOwn), "needs a machine whose name means itself");
        var made = await new LocationRegistry(world.Backup, world.Secrets).CreateAsync(world.Ids.New<LocationId>(), new(world.Project,
            ServiceWorld.Region, "bucket", LocationKindView.VStorage, "s3://bucket", $"http://{name}:9", null, "access", "secret", null, 0,
            IsDefault: false), default);
        var worker = new TaskRunner(world.Source, world.WorkerId, world.Cloud, new(new VaultRuntime(), 128 * 1024, RetryLimits.Brief,
            places: new(null, new([StoreEndpoints.AnyHost]))), world.Clock);
        Assert.True(await worker.RunOneAsync(default));
        var location = await world.Backup.MakeAsync(async change => (await change.Db.Locations.FindAsync(made.Location!.Location))!.View(),
            default);
        Assert.Equal(LocationStateView.Refused, location.State);
        Assert.Contains("the endpoint's host is this machine", location.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Why_a_check_is_tried_again_is_told_until_it_ends()
    {
        await using var world = await ServiceWorld.MakeAsync();
        var made = (await new LocationRegistry(world.Backup, world.Secrets).CreateAsync(world.Ids.New<LocationId>(),
            Folder(world, world.Path("late")), default)).Location!.Location;
        var check = (await world.Source.AcquireAsync(world.WorkerId, default))!;
        Assert.True(await world.Source.FailAsync(check.Task, check.Epoch, new("no answer", MayPass: true), default));
        Assert.Equal((LocationStateView.Checking, null, "its check is tried again: no answer"), await ShownAsync());
        world.Clock.Advance(TimeSpan.FromHours(1));
        await world.SettleAsync();
        Assert.Equal((LocationStateView.Ready, null, null), await ShownAsync());

        async Task<(LocationStateView, string?, string?)> ShownAsync()
        {
            var shown = await world.Backup.MakeAsync(async change => (await change.Db.Locations.FindAsync(made))!.View(), default);
            return (shown.State, shown.Refusal, shown.Finding);
        }
    }

    static VaultOpening Vaults(LocationFolders folders) =>
        new(new VaultRuntime(), 128 * 1024, RetryLimits.Brief, places: new(folders, null));

    static NewLocation Folder(ServiceWorld world, string address) => new(world.Project, ServiceWorld.Region, "new",
        LocationKindView.FileSystem, address, null, null, null, null, null, SoftDeleteDays: 0, IsDefault: false);
}
