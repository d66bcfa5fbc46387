using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>Services of different versions work side by side: what they write down and say to each other stays as it is.</summary>
public sealed class FrozenMessageTests
{
    static readonly DateTimeOffset s_time = new(2026, 3, 29, 1, 30, 0, TimeSpan.Zero);
    static readonly ServerRef s_server = new("north", "s-1");
    static readonly ProjectId s_project = new(Uuid(1));
    static readonly RunId s_run = new(Uuid(2));
    static readonly RestorePointId s_point = new(Uuid(3));
    static readonly PlanId s_plan = new(Uuid(4));
    static readonly LocationId s_location = new(Uuid(5));
    static readonly SnapshotId s_snapshot = new(Uuid(6));
    static readonly DiskView s_disk = new("vda", "rbd/web", 4096, null);
    static readonly VaultAddress s_vault = new("s3://bucket/prefix", "https://s3.example", "north");

    static readonly Dictionary<Type, (string Json, string Golden)> s_frozen = new()
    {
        [typeof(InventoryReported)] = Of(new InventoryReported("north", 7, s_time, [new("s-1", "web", "running", [s_disk])]),
            MessageJson.Default.InventoryReported,
            """{"region":"north","version":7,"at":"2026-03-29T01:30:00+00:00","servers":[{"id":"s-1","name":"web","state":"running","disks":[{"name":"vda","volume":"rbd/web","lengthBytes":4096,"allocatedBytes":null}]}]}"""),
        [typeof(ServerMade)] = Of(new ServerMade(s_run, s_project, s_server, "copy"), MessageJson.Default.ServerMade,
            """{"run":"00000002-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000","server":{"region":"north","id":"s-1"},"serverName":"copy"}"""),
        [typeof(StartBackup)] = Of(new StartBackup(s_run, s_point, s_project, s_plan, s_server, "web", s_location, ["vda"],
            RunTrigger.Policy, PointKind.Incremental, ["daily"], s_time, null, [s_disk]), MessageJson.Default.StartBackup,
            """{"run":"00000002-0000-7000-8000-000000000000","point":"00000003-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000","plan":"00000004-0000-7000-8000-000000000000","server":{"region":"north","id":"s-1"},"serverName":"web","location":"00000005-0000-7000-8000-000000000000","disks":["vda"],"trigger":"policy","kind":"incremental","tags":["daily"],"dueAt":"2026-03-29T01:30:00+00:00","stopBy":null,"seen":[{"name":"vda","volume":"rbd/web","lengthBytes":4096,"allocatedBytes":null}]}"""),
        [typeof(StartRestore)] = Of(new StartRestore(s_run, s_project, s_point, RestoreTarget.NewVolume, "copy", "vda", true,
            RunTrigger.Manual), MessageJson.Default.StartRestore,
            """{"run":"00000002-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000","point":"00000003-0000-7000-8000-000000000000","target":"newVolume","newName":"copy","volume":"vda","stopsServer":true,"trigger":"manual"}"""),
        [typeof(ExportImage)] = Of(new ExportImage(s_run, s_project, s_point, "vda", "web.qcow2", ImageFormatView.Qcow2),
            MessageJson.Default.ExportImage,
            """{"run":"00000002-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000","point":"00000003-0000-7000-8000-000000000000","volume":"vda","file":"web.qcow2","format":"qcow2"}"""),
        [typeof(ImportImage)] = Of(new ImportImage(s_run, s_project, s_server, "web", "rbd/web", "web.raw", ImageFormatView.Raw,
            "copy"), MessageJson.Default.ImportImage,
            """{"run":"00000002-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000","server":{"region":"north","id":"s-1"},"serverName":"web","beside":"rbd/web","file":"web.raw","format":"raw","newName":"copy"}"""),
        [typeof(CancelRun)] = Of(new CancelRun(s_run, s_project), MessageJson.Default.CancelRun,
            """{"run":"00000002-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000"}"""),
        [typeof(RunChanged)] = Of(new RunChanged(s_run, 3, RunKind.Backup, s_project, s_plan, s_server, "web", s_location, s_point,
            RunTrigger.Schedule, RunState.WindowClosed, s_time, s_time, 1, 2, 3, ["note"], "late", null, 4, s_time),
            MessageJson.Default.RunChanged,
            """{"run":"00000002-0000-7000-8000-000000000000","version":3,"kind":"backup","project":"00000001-0000-7000-8000-000000000000","plan":"00000004-0000-7000-8000-000000000000","server":{"region":"north","id":"s-1"},"serverName":"web","location":"00000005-0000-7000-8000-000000000000","point":"00000003-0000-7000-8000-000000000000","trigger":"schedule","state":"windowClosed","startedAt":"2026-03-29T01:30:00+00:00","endedAt":"2026-03-29T01:30:00+00:00","doneBytes":1,"totalBytes":2,"storedBytes":3,"notes":["note"],"error":"late","target":null,"checkedBytes":4,"waitsForWorkerSince":"2026-03-29T01:30:00+00:00"}"""),
        [typeof(RunRefused)] = Of(new RunRefused(s_run, s_project, "no such point"), MessageJson.Default.RunRefused,
            """{"run":"00000002-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000","error":"no such point"}"""),
        [typeof(PointChanged)] = Of(new PointChanged(s_point, 4, s_project, s_plan, s_run, s_server, "web", s_location,
            RestorePointState.SoftDeleted, PointKind.Full, RunTrigger.Manual, [], s_time, s_time, s_time, "filesystem", "ab", false,
            [new("vda", 1, PointKind.Full, 2, 3, "resized")], s_time, s_time, false, "frozen", 0.25, new("lab", 2, 4096,
                [new("vda", "rbd/web")])), MessageJson.Default.PointChanged,
            """{"point":"00000003-0000-7000-8000-000000000000","version":4,"project":"00000001-0000-7000-8000-000000000000","plan":"00000004-0000-7000-8000-000000000000","run":"00000002-0000-7000-8000-000000000000","server":{"region":"north","id":"s-1"},"serverName":"web","location":"00000005-0000-7000-8000-000000000000","state":"softDeleted","kind":"full","trigger":"manual","tags":[],"dueAt":"2026-03-29T01:30:00+00:00","takenAt":"2026-03-29T01:30:00+00:00","completedAt":"2026-03-29T01:30:00+00:00","consistency":"filesystem","vaultPoint":"ab","isDistrusted":false,"volumes":[{"name":"vda","lengthBytes":1,"kind":"full","readBytes":2,"storedBytes":3,"fullBecause":"resized"}],"deletedAt":"2026-03-29T01:30:00+00:00","purgeAt":"2026-03-29T01:30:00+00:00","isProtected":false,"instantKind":"frozen","skewSeconds":0.25,"configuration":{"kind":"lab","processors":2,"memoryBytes":4096,"disks":[{"name":"vda","volume":"rbd/web"}]}}"""),
        [typeof(DeletePoint)] = Of(new DeletePoint(s_point, s_project, true), MessageJson.Default.DeletePoint,
            """{"point":"00000003-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000","isByPolicy":true}"""),
        [typeof(UndeletePoint)] = Of(new UndeletePoint(s_point, s_project), MessageJson.Default.UndeletePoint,
            """{"point":"00000003-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000"}"""),
        [typeof(ProtectPoint)] = Of(new ProtectPoint(s_point, s_project, true), MessageJson.Default.ProtectPoint,
            """{"point":"00000003-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000","isProtected":true}"""),
        [typeof(TakeServerSnapshot)] = Of(new TakeServerSnapshot(s_snapshot, s_run, s_project, s_server, "vb-1", null,
            SnapshotPurpose.Safety, s_time), MessageJson.Default.TakeServerSnapshot,
            """{"snapshot":"00000006-0000-7000-8000-000000000000","run":"00000002-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000","server":{"region":"north","id":"s-1"},"snapshotName":"vb-1","disks":null,"purpose":"safety","keptUntil":"2026-03-29T01:30:00+00:00"}"""),
        [typeof(KeepSnapshotAsBase)] = Of(new KeepSnapshotAsBase(s_snapshot), MessageJson.Default.KeepSnapshotAsBase,
            """{"snapshot":"00000006-0000-7000-8000-000000000000"}"""),
        [typeof(RemoveSnapshot)] = Of(new RemoveSnapshot(s_snapshot, s_project), MessageJson.Default.RemoveSnapshot,
            """{"snapshot":"00000006-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000"}"""),
        [typeof(RollBackSnapshot)] = Of(new RollBackSnapshot(s_snapshot, s_project, ["vda"]), MessageJson.Default.RollBackSnapshot,
            """{"snapshot":"00000006-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000","disks":["vda"]}"""),
        [typeof(FreeVolumes)] = Of(new FreeVolumes(s_project, s_server, ["rbd/web"], true), MessageJson.Default.FreeVolumes,
            """{"project":"00000001-0000-7000-8000-000000000000","server":{"region":"north","id":"s-1"},"volumes":["rbd/web"],"removesAll":true}"""),
        [typeof(SurveySnapshots)] = Of(new SurveySnapshots("north"), MessageJson.Default.SurveySnapshots, """{"region":"north"}"""),
        [typeof(SnapshotsSurveyed)] = Of(new SnapshotsSurveyed("north", 7, s_time,
            [new(s_server, "web", "vb-1", ["rbd/web"], s_time, s_time, true, s_time, "busy")], ["mail"]),
            MessageJson.Default.SnapshotsSurveyed,
            """{"region":"north","version":7,"at":"2026-03-29T01:30:00+00:00","orphans":[{"server":{"region":"north","id":"s-1"},"serverName":"web","instant":"vb-1","volumes":["rbd/web"],"takenAt":"2026-03-29T01:30:00+00:00","firstSeenAt":"2026-03-29T01:30:00+00:00","isOurs":true,"removedAfter":"2026-03-29T01:30:00+00:00","error":"busy"}],"unseen":["mail"]}"""),
        [typeof(SnapshotTaken)] = Of(new SnapshotTaken(s_snapshot, s_run, null, s_time, "crash", 0.25, "web", "running", [s_disk], "lab",
            "{}", ["note"], "vb-2", "frozen", 0.125, 2, 4096), MessageJson.Default.SnapshotTaken,
            """{"snapshot":"00000006-0000-7000-8000-000000000000","run":"00000002-0000-7000-8000-000000000000","error":null,"takenAt":"2026-03-29T01:30:00+00:00","consistency":"crash","heldSeconds":0.25,"serverName":"web","serverState":"running","disks":[{"name":"vda","volume":"rbd/web","lengthBytes":4096,"allocatedBytes":null}],"configurationKind":"lab","configuration":"{}","notes":["note"],"instant":"vb-2","instantKind":"frozen","skewSeconds":0.125,"processors":2,"memoryBytes":4096}"""),
        [typeof(SnapshotChanged)] = Of(new SnapshotChanged(s_snapshot, 2, s_project, s_server, "vb-1", SnapshotPurpose.Backup,
            SnapshotState.Base, [s_disk], s_time, null, null, true, s_time, "vb-2"), MessageJson.Default.SnapshotChanged,
            """{"snapshot":"00000006-0000-7000-8000-000000000000","version":2,"project":"00000001-0000-7000-8000-000000000000","server":{"region":"north","id":"s-1"},"snapshotName":"vb-1","purpose":"backup","state":"base","disks":[{"name":"vda","volume":"rbd/web","lengthBytes":4096,"allocatedBytes":null}],"takenAt":"2026-03-29T01:30:00+00:00","keptUntil":null,"error":null,"isRollingBack":true,"rolledBackAt":"2026-03-29T01:30:00+00:00","instant":"vb-2"}"""),
        [typeof(LocationChanged)] = Of(new LocationChanged(s_location, 2, s_project, "north", "main", LocationKindView.VStorage,
            "s3://bucket/prefix", "https://s3.example", LocationStateView.Refused, "no room", true, false, 9, 8, 7, s_time,
            "a pack is damaged", new(30, 90, s_time)), MessageJson.Default.LocationChanged,
            """{"location":"00000005-0000-7000-8000-000000000000","version":2,"project":"00000001-0000-7000-8000-000000000000","region":"north","locationName":"main","kind":"vStorage","address":"s3://bucket/prefix","endpoint":"https://s3.example","state":"refused","refusal":"no room","isDefault":true,"isDeleted":false,"quotaBytes":9,"usedBytes":8,"softDeleteDays":7,"verifiedAt":"2026-03-29T01:30:00+00:00","finding":"a pack is damaged","lock":{"minDays":30,"maxDays":90,"finalAt":"2026-03-29T01:30:00+00:00"}}"""),
        [typeof(DeclarationsChanged)] = Of(new DeclarationsChanged(s_project, 4, JsonSerializer.SerializeToElement("any")),
            MessageJson.Default.DeclarationsChanged,
            """{"project":"00000001-0000-7000-8000-000000000000","version":4,"declarations":"any"}"""),
        [typeof(ExportOrder)] = Of(new ExportOrder(s_vault, s_run, s_point, "aa", ["bb"], s_server, "web", PointKind.Full, "vb-1", s_time,
            "crash", null, [s_disk], "lab", "{}", new(s_project, s_plan, RunTrigger.Policy, ["weekly"], s_time, s_server),
            "group", 0, 2, 4096), WorkJson.Default.ExportOrder,
            """{"vault":{"address":"s3://bucket/prefix","endpoint":"https://s3.example","s3Region":"north"},"run":"00000002-0000-7000-8000-000000000000","point":"00000003-0000-7000-8000-000000000000","session":"aa","earlierSessions":["bb"],"server":{"region":"north","id":"s-1"},"serverName":"web","kind":"full","instant":"vb-1","takenAt":"2026-03-29T01:30:00+00:00","consistency":"crash","heldSeconds":null,"disks":[{"name":"vda","volume":"rbd/web","lengthBytes":4096,"allocatedBytes":null}],"configurationKind":"lab","configuration":"{}","catalogue":{"project":"00000001-0000-7000-8000-000000000000","plan":"00000004-0000-7000-8000-000000000000","trigger":"policy","tags":["weekly"],"dueAt":"2026-03-29T01:30:00+00:00","server":{"region":"north","id":"s-1"}},"instantKind":"group","skewSeconds":0,"processors":2,"memoryBytes":4096}"""),
        [typeof(ExportResult)] = Of(new ExportResult("ab", PointKind.Full, [new("vda", 1, PointKind.Full, 2, 3, "resized")], 3, ["cd"],
            ["note"]), WorkJson.Default.ExportResult,
            """{"vaultPoint":"ab","kind":"full","volumes":[{"name":"vda","lengthBytes":1,"kind":"full","readBytes":2,"storedBytes":3,"fullBecause":"resized"}],"storedBytes":3,"distrusted":["cd"],"notes":["note"]}"""),
        [typeof(SettleOrder)] = Of(new SettleOrder(s_vault, ["aa", "bb"]), WorkJson.Default.SettleOrder,
            """{"vault":{"address":"s3://bucket/prefix","endpoint":"https://s3.example","s3Region":"north"},"sessions":["aa","bb"]}"""),
        [typeof(SettleResult)] = Of(new SettleResult(null), WorkJson.Default.SettleResult, """{"point":null}"""),
        [typeof(ImportOrder)] = Of(new ImportOrder(s_vault, s_run, "ab", RestoreTarget.Original, s_server, null, null, "safety-1"),
            WorkJson.Default.ImportOrder,
            """{"vault":{"address":"s3://bucket/prefix","endpoint":"https://s3.example","s3Region":"north"},"run":"00000002-0000-7000-8000-000000000000","vaultPoint":"ab","target":"original","server":{"region":"north","id":"s-1"},"newName":null,"volume":null,"safetySnapshot":"safety-1"}"""),
        [typeof(ImportResult)] = Of(new ImportResult("server web", 1, 2, [], ["rbd/web"], "ab", "s-2"), WorkJson.Default.ImportResult, """{"target":"server web","logicalBytes":1,"writtenBytes":2,"notes":[],"overwritten":["rbd/web"],"claim":"ab","newServer":"s-2"}"""),
        [typeof(ExportImageOrder)] = Of(new ExportImageOrder(s_vault, s_project, "ab", "vda", "web.qcow2", ImageFormatView.Qcow2),
            WorkJson.Default.ExportImageOrder,
            """{"vault":{"address":"s3://bucket/prefix","endpoint":"https://s3.example","s3Region":"north"},"project":"00000001-0000-7000-8000-000000000000","vaultPoint":"ab","volume":"vda","file":"web.qcow2","format":"qcow2"}"""),
        [typeof(ImportImageOrder)] = Of(new ImportImageOrder(s_run, s_project, "web.raw", ImageFormatView.Raw, "rbd/web", "copy"),
            WorkJson.Default.ImportImageOrder,
            """{"run":"00000002-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000","file":"web.raw","format":"raw","beside":"rbd/web","newName":"copy"}"""),
        [typeof(ImageResult)] = Of(new ImageResult("file web.raw", "cd", 2, 1, ["note"]), WorkJson.Default.ImageResult,
            """{"target":"file web.raw","sha256":"cd","logicalBytes":2,"writtenBytes":1,"notes":["note"]}"""),
        [typeof(ServerOrder)] = Of(new ServerOrder(s_server, "web", ["rbd/web"], "ab", ["vda"]), WorkJson.Default.ServerOrder, """{"server":{"region":"north","id":"s-1"},"serverName":"web","overwritten":["rbd/web"],"claim":"ab","toOverwrite":["vda"]}"""),
        [typeof(ServerResult)] = Of(new ServerResult(true), WorkJson.Default.ServerResult, """{"wasRunning":true}"""),
        [typeof(PruneOrder)] = Of(new PruneOrder(s_vault, ["ab"]), WorkJson.Default.PruneOrder,
            """{"vault":{"address":"s3://bucket/prefix","endpoint":"https://s3.example","s3Region":"north"},"vaultPoints":["ab"]}"""),
        [typeof(VaultOrder)] = Of(new VaultOrder(s_vault), WorkJson.Default.VaultOrder,
            """{"vault":{"address":"s3://bucket/prefix","endpoint":"https://s3.example","s3Region":"north"}}"""),
        [typeof(SaveCatalogueOrder)] = Of(new SaveCatalogueOrder(s_vault, 7, s_time, Catalogue), WorkJson.Default.SaveCatalogueOrder,
            """{"vault":{"address":"s3://bucket/prefix","endpoint":"https://s3.example","s3Region":"north"},"generation":7,"savedAt":"2026-03-29T01:30:00+00:00","catalogue":{"format":1,"project":"00000001-0000-7000-8000-000000000000","location":"00000005-0000-7000-8000-000000000000","locations":[{"location":"00000005-0000-7000-8000-000000000000","region":"north","name":"main","kind":"vStorage","address":"s3://bucket/prefix","endpoint":"https://s3.example","s3Region":"north","isDefault":true,"quotaBytes":null,"softDeleteDays":7,"lock":{"minDays":30,"maxDays":null,"finalAt":"2026-03-29T01:30:00+00:00"}}],"points":[{"vaultPoint":"ab","point":"00000003-0000-7000-8000-000000000000","run":"00000002-0000-7000-8000-000000000000","plan":null,"state":"softDeleted","trigger":"policy","tags":["daily"],"dueAt":"2026-03-29T01:30:00+00:00","completedAt":"2026-03-29T01:30:00+00:00","isDistrusted":true,"deletedAt":"2026-03-29T01:30:00+00:00","purgeAt":null,"isProtected":false}],"pointsLeftOut":2,"declarationsVersion":4,"declarations":"any"}}"""),
        [typeof(CatalogueResult)] = Of(new CatalogueResult(7), WorkJson.Default.CatalogueResult, """{"generation":7}"""),
        [typeof(LockedKey)] = Of(new LockedKey(1, s_project, [1, 2, 3]), WorkJson.Default.LockedKey,
            """{"format":1,"project":"00000001-0000-7000-8000-000000000000","wrapped":"AQID"}"""),
        [typeof(VaultResult)] = Of(new VaultResult(9, []), WorkJson.Default.VaultResult, """{"usedBytes":9,"notes":[]}"""),
    };

    static ProjectCatalogue Catalogue => new(1, s_project, s_location,
        [new(s_location, "north", "main", LocationKindView.VStorage, "s3://bucket/prefix", "https://s3.example", "north", true, null, 7,
            new(30, null, s_time))],
        [new("ab", s_point, s_run, null, RestorePointState.SoftDeleted, RunTrigger.Policy, ["daily"], s_time, s_time, true, s_time, null)],
        2, 4, JsonSerializer.SerializeToElement("any"));

    public static TheoryData<string> Names => [.. s_frozen.Keys.Select(type => type.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void It_is_written_as_ever(string name)
    {
        var (json, golden) = s_frozen.Single(item => item.Key.Name == name).Value;
        Assert.Equal(golden, json);
    }

    [Fact]
    public void Every_message_is_here()
    {
        var messages = typeof(IMessage).Assembly.GetTypes().Where(type => type is { IsInterface: false }
            && type.IsAssignableTo(typeof(IMessage)));
        Assert.Empty(messages.Except(s_frozen.Keys));
    }

    [Fact]
    public void What_a_later_version_adds_is_passed_over()
    {
        var read = JsonSerializer.Deserialize(
            """{"run":"00000002-0000-7000-8000-000000000000","project":"00000001-0000-7000-8000-000000000000","why":"new"}""", MessageJson.Default.CancelRun);
        Assert.Equal(new(s_run, s_project), read);
    }

    [Fact]
    public void What_an_earlier_version_did_not_say_of_a_point_is_not_known()
    {
        var earlier = s_frozen[typeof(PointChanged)].Golden;
        earlier = earlier[..earlier.IndexOf(",\"instantKind\"", StringComparison.Ordinal)] + "}";
        var read = JsonSerializer.Deserialize(earlier, MessageJson.Default.PointChanged)!;
        Assert.Equal((s_point, null, null, null), (read.Point, read.InstantKind, read.SkewSeconds, read.Configuration));
    }

    [Theory]
    [InlineData("\"00000000-0000-0000-0000-000000000000\"")]
    [InlineData("\"web\"")]
    [InlineData("7")]
    [InlineData("null")]
    public void What_is_no_id_is_refused(string id) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize($$"""{"snapshot":{{id}}}""", MessageJson.Default.KeepSnapshotAsBase));

    // Written, read, and written again: nothing gets lost on the way.
    static (string Json, string Golden) Of<T>(T value, JsonTypeInfo<T> type, string golden) =>
        (JsonSerializer.Serialize(JsonSerializer.Deserialize(JsonSerializer.Serialize(value, type), type)!, type), golden);

    static Guid Uuid(int number) => new(number, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 0);
}
