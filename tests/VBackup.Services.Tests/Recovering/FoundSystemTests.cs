using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using VBackup.Cli.Recovering;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Primitives;
using VBackup.Vault.Format;
using Xunit;

namespace VBackup.Services.Tests.Recovering;

/// <summary>How a project is put together from what its vaults tell.</summary>
public sealed class FoundSystemTests
{
    static readonly DateTimeOffset s_now = new(2026, 3, 10, 12, 0, 0, TimeSpan.Zero), s_taken = new(2026, 3, 1, 1, 0, 0, TimeSpan.Zero);
    static readonly ProjectId s_project = new(Uuid(1));
    static readonly LocationId s_first = new(Uuid(2)), s_second = new(Uuid(3));
    static readonly byte[] s_key = [.. Enumerable.Repeat((byte)1, 32)], s_otherKey = [.. Enumerable.Repeat((byte)2, 32)],
        s_thirdKey = [.. Enumerable.Repeat((byte)3, 32)];

    [Fact]
    public void Of_catalogues_the_highest_generation_counts_whatever_the_clocks_said()
    {
        var older = Vault("/first", s_first, generation: 4, [], at: s_now.AddYears(1), secondIs: "old name");
        var newer = Vault("/second", s_second, generation: 5, [], at: s_now.AddYears(-1), secondIs: "new name");
        var found = Put(out _, older, newer);
        Assert.Equal(5, found.Service.Generation);
        Assert.Equal(["new name", "one"], found.Locations.Select(location => location.Name).Order());
        Assert.Equal(s_first, Assert.Single(found.Service.Locations, location => location.Entry.IsDefault).Entry.Location);
    }

    [Fact]
    public void What_was_deleted_comes_back_into_the_bin_for_a_week_at_least_and_all_else_is_active()
    {
        string[] names = [Name('a'), Name('b'), Name('c'), Name('d')];
        var vault = Vault("/first", s_first, 1, names, known:
        [
            Known(names[0], RestorePointState.SoftDeleted, s_now.AddDays(20)),
            Known(names[1], RestorePointState.SoftDeleted, s_now.AddDays(-1)),
            Known(names[2], RestorePointState.Deleted, s_now.AddDays(-20)), Known(Name('e'), RestorePointState.Active, null),
            Known(Name('f'), RestorePointState.Deleted, null),
        ]);
        var found = Put(out _, vault);
        var points = Assert.Single(found.Service.Locations).Points;
        Assert.Equal(
            [$"{names[0]} SoftDeleted 20", $"{names[1]} SoftDeleted 7", $"{names[2]} SoftDeleted 7", $"{names[3]} Active "],
            points.Select(point => string.Create(CultureInfo.InvariantCulture,
                $"{point.VaultPoint} {point.State} {(point.PurgeAt - s_now)?.TotalDays}")));
        var told = Assert.Single(found.Locations);
        Assert.Equal((1, 3), (told.Points, told.InBin));
        Assert.Contains("1 points that the catalogue of", Assert.Single(told.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void A_vault_without_a_catalogue_gives_its_points_and_is_known_by_its_address_or_gets_a_name()
    {
        var told = Vault("/first", s_first, 1, [Name('a')]);
        var known = Vault("/two", null, 0, [Name('b')]);
        var unknown = Vault("/elsewhere", null, 0, [Name('c')]);
        var found = Put(out _, told, known, unknown);
        Assert.Equal(["one /first 1", "recovered-3 /elsewhere 1", "two /two 1"],
            found.Locations.Select(location => $"{location.Name} {location.Address} {location.Points}").Order());
        Assert.Single(found.Service.Locations, location => location.Entry.IsDefault);
    }

    [Fact]
    public void Two_copies_of_a_vault_are_two_locations_with_points_of_their_own()
    {
        var found = Put(out _, Vault("/first", s_first, 1, [Name('a')]), Vault("/copy", s_first, 1, [Name('a')]));
        Assert.Equal(2, found.Service.Locations.Select(location => location.Entry.Location).Distinct().Count());
        Assert.Equal(2, found.Service.Locations.SelectMany(location => location.Points).Select(point => point.Point).Distinct().Count());
        Assert.Single(found.Service.Locations, location => location.Entry.IsDefault);
    }

    [Fact]
    public void Where_a_change_of_the_key_was_under_way_the_vaults_have_one_of_two_keys()
    {
        var found = Put(out var problems, Vault("/first", s_first, 7, [Name('a')], key: s_key),
            Vault("/two", s_second, 6, [Name('b')], key: s_otherKey), Vault("/third", null, 0, [Name('c')], key: s_thirdKey));
        Assert.Equal((s_key, s_otherKey), (found.Service.Key, found.Service.PreviousKey));
        Assert.Equal(["False", "True"], found.Service.Locations.Select(location => $"{location.OpensWithPreviousKey}"));
        Assert.Contains(problems, problem => problem.Contains("a third key", StringComparison.Ordinal));
    }

    [Fact]
    public void Points_that_a_later_one_distrusts_are_in_doubt_and_those_of_no_server_are_told_of()
    {
        var doubt = Point(Name('a'));
        var distrusting = Point(Name('b'), distrusts: [Name('a')]);
        var stranger = doubt with { Id = Name('c'), Metadata = null };
        var vault = Vault("/first", s_first, 1, []) with { Points = [doubt, distrusting, stranger] };
        var found = Put(out _, vault);
        Assert.Equal([true, false], Assert.Single(found.Service.Locations).Points.Select(point => point.IsDistrusted));
        var problem = Assert.Single(Assert.Single(found.Locations).Problems);
        Assert.Contains("1 points were not made of servers", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_point_keeps_how_its_instant_was_taken_and_what_its_server_was()
    {
        var vault = Vault("/first", s_first, 1, []) with
        {
            Points = [Point(Name('a')), Point(Name('b'), instantKind: "frozen", skewSeconds: 0.25, processors: 2, memoryBytes: 4096)],
        };
        var points = Assert.Single(Put(out _, vault).Service.Locations).Points;
        Assert.Equal([(null, null, null, null), ("frozen", 0.25, 2, 4096L)], points.Select(point => (point.InstantKind, point.SkewSeconds,
            point.Configuration!.Processors, point.Configuration.MemoryBytes)));
        Assert.All(points, point => Assert.Equal(("lab", new ConfiguredDisk("vda", "web")),
            (point.Configuration!.Kind, Assert.Single(point.Configuration.Disks))));
    }

    [Fact]
    public void Declarations_that_cannot_be_read_cost_plans_and_nothing_else()
    {
        var vault = Vault("/first", s_first, 1, [Name('a')]);
        var declared = JsonSerializer.SerializeToElement("none");
        vault = vault with { Catalogue = vault.Catalogue! with { DeclarationsVersion = 3, Declarations = declared } };
        var found = Put(out var problems, vault);
        Assert.Null(found.Portal.Declarations);
        Assert.Contains(problems, problem => problem.StartsWith("plans and policies did not come back", StringComparison.Ordinal));
        Assert.Single(Assert.Single(found.Service.Locations).Points);
        // What the Portal declares anew has to be newer.
        Assert.Equal(3, found.Portal.DeclarationsVersion);
    }

    [Fact]
    public void A_server_is_called_what_its_newest_point_calls_it()
    {
        var vault = Vault("/first", s_first, 1, []) with
        {
            Points = [Point(Name('a'), server: "old name"), Point(Name('b'), server: "new name", taken: s_taken.AddDays(2)),
                Point(Name('c'), server: "between", taken: s_taken.AddDays(1))],
        };
        Assert.Equal(new Dictionary<ServerRef, string> { [new("north", "s-1")] = "new name" }, Put(out _, vault).Portal.Servers);
    }

    [Theory]
    [InlineData("http://store:1", "", "http://store:1", "north-1")]
    [InlineData("http://store:1", "south-1", "http://store:1", "south-1")]
    [InlineData("http://moved:2", "", "http://moved:2", null)]
    [InlineData("", "", null, null)]
    public void A_bucket_is_where_it_was_read_and_in_the_region_of_the_catalogue_where_none_was_said(
        string endpoint, string region, string? keptEndpoint, string? keptRegion)
    {
        // A number that nobody else has.
        const int Number = 94;
        foreach (var name in (string[])["AWS_ENDPOINT_URL_S3", "AWS_REGION"]) Environment.SetEnvironmentVariable($"{name}_{Number}", "");
        Environment.SetEnvironmentVariable($"AWS_ENDPOINT_URL_{Number}", endpoint);
        Environment.SetEnvironmentVariable($"AWS_DEFAULT_REGION_{Number}", region);
        var vault = Vault("/first", s_first, 1, []);
        var entry = Entry(s_first, "one", "s3://bucket/prefix", true) with
        { Kind = LocationKindView.VStorage, Endpoint = "http://store:1", S3Region = "north-1" };
        var found = Put(out _, vault with { Place = RecoveryPlace.Of("s3://bucket/prefix", Number),
            Catalogue = vault.Catalogue! with { Locations = [entry] } });
        var kept = Assert.Single(found.Service.Locations).Entry;
        Assert.Equal((keptEndpoint, keptRegion), (kept.Endpoint, kept.S3Region));
    }

    static ProjectFinding Put(out List<string> problems, params FoundVault[] vaults)
    {
        problems = [];
        return new FoundSystem(new IdSource(TimeProvider.System, RandomNumberGenerator.Fill), s_now).Of(vaults, problems);
    }

    static FoundVault Vault(string address, LocationId? location, long generation, string[] points, CataloguePoint[]? known = null,
        byte[]? key = null, DateTimeOffset? at = null, string secondIs = "two")
    {
        CatalogueLocation[] locations = [Entry(s_first, "one", "/first", true), Entry(s_second, secondIs, "/two", false)];
        var catalogue = location is { } own ? new ProjectCatalogue(1, s_project, own, locations, known ?? [], 0, 0, null) : null;
        var number = address switch { "/first" => 1, "/second" or "/two" or "/copy" => 2, _ => 3 };
        return new(new(address, number), s_project, key ?? s_key, catalogue, generation, at ?? s_now,
            [.. points.Select(name => Point(name))], 0, []);
    }

    static CatalogueLocation Entry(LocationId id, string name, string address, bool isDefault) =>
        new(id, "north", name, LocationKindView.FileSystem, address, null, null, isDefault, null, 3);

    static CataloguePoint Known(string name, RestorePointState state, DateTimeOffset? purgeAt) => new(
        name, new(Uuid(name[0])), new(Uuid(5)), null, state, RunTrigger.Policy, ["daily"], s_taken, s_taken, false, s_taken, purgeAt);

    static PointDocument Point(string name, string[]? distrusts = null, string server = "web", DateTimeOffset? taken = null,
        string? instantKind = null, double? skewSeconds = null, int? processors = null, long? memoryBytes = null) => new()
    {
        Id = name,
        Session = Name('9'),
        CreatedAt = s_taken,
        Name = "web",
        Type = PointType.Full,
        Volumes = [],
        Metadata = JsonSerializer.SerializeToElement(new
        {
            edge = new
            {
                server, serverId = "s-1", instant = "vb-1", takenAt = taken ?? s_taken, consistency = "crash",
                volumes = new { vda = "web" }, configurationKind = "lab", configuration = "{}", distrusts = distrusts ?? [],
                instantKind, skewSeconds, processors, memoryBytes,
            },
            catalogue = new
            {
                point = Uuid(name[0]),
                entry = new
                {
                    project = s_project.Value, plan = (Guid?)null, trigger = "policy", tags = (string[])["daily"], dueAt = s_taken,
                    server = new { region = "north", id = "s-1" },
                },
            },
        }),
    };

    static string Name(char digit) => new(digit, 32);

    static Guid Uuid(int number) => new(number, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 0);
}
