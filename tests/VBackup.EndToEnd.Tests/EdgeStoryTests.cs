using System.Text.Json;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary>Servers of a lab cloud, made of files, through the command line.</summary>
public sealed class EdgeStoryTests
{
    static readonly byte[] s_first = Contents.Mixed(1, 3_000_000), s_second = Contents.Mixed(2, 1_000_003);

    static Task<EdgeWorld> MakeAsync() => EdgeWorld.OfLabCloudAsync("web-1", ("vda", s_first), ("vdb", s_second));

    static string PointOf(Ended backup) => backup.Expect(0).Last.GetProperty("point").GetString()!;

    static string TypeOf(Ended backup) => backup.Expect(0).Last.GetProperty("type").GetString()!;

    [Fact]
    public async Task A_server_is_backed_up_changed_backed_up_and_restored_everywhere()
    {
        await using var world = await MakeAsync();
        Assert.Equal(["web-1"], (await world.ServersAsync()).Expect(0).Events.Select(item => item.GetProperty("name").GetString()));
        var full = await world.BackUpAsync();
        Assert.Equal("full", TypeOf(full));

        var changed = s_first.ToArray();
        changed.AsSpan(1_000_000, 20_000).Fill(7);
        await File.WriteAllBytesAsync(world.VolumePath("vda"), changed);
        var incremental = await world.BackUpAsync();
        Assert.Equal("incremental", TypeOf(incremental));
        Assert.InRange(incremental.Last.GetProperty("readBytes").GetInt64(), 20_000, 200_000);
        Assert.Single(await world.SnapshotNamesAsync());

        (await world.OnVaultAsync("restore", PointOf(full), "--to", "new-server", "web-2")).Expect(0);
        (await world.OnVaultAsync("restore", PointOf(incremental), "--to", "new-volume", "copy", "--volume", "vda")).Expect(0);
        Assert.Equal(s_first, await File.ReadAllBytesAsync(world.VolumePath("web-2-vda")));
        Assert.Equal(s_second, await File.ReadAllBytesAsync(world.VolumePath("web-2-vdb")));
        Assert.Equal(changed, await File.ReadAllBytesAsync(world.VolumePath("copy")));
        var made = (await world.ServersAsync()).Expect(0).Events.Single(item => item.GetProperty("name").GetString() == "web-2");
        Assert.Equal("shutdown", made.GetProperty("state").GetString());

        (await world.OnVaultAsync("restore", PointOf(full), "--to", "original")).Expect(0);
        Assert.Equal(s_first, await File.ReadAllBytesAsync(world.VolumePath("vda")));
        // Only the safety snapshot is left, so that change tracking begins anew; and it brings back what was before.
        var safety = Assert.Single(await world.SnapshotNamesAsync());
        (await world.SnapshotsAsync("rollback", safety)).Expect(0);
        Assert.Equal(changed, await File.ReadAllBytesAsync(world.VolumePath("vda")));
        Assert.Equal("full", TypeOf(await world.BackUpAsync()));
    }

    [Fact]
    public async Task A_restore_in_place_that_was_killed_keeps_backups_away_until_all_is_restored_or_rolled_back()
    {
        await using var world = await MakeAsync();
        var point = PointOf(await world.BackUpAsync());
        var changed = Contents.Mixed(3, s_first.Length);
        await File.WriteAllBytesAsync(world.VolumePath("vda"), changed);

        await KillInMidWriteAsync(world, point);
        var safety = Assert.Single(await world.SnapshotNamesAsync());
        Assert.All(await RestoringAsync(world), note =>
            Assert.Equal((point, safety), (note.GetProperty("point").GetString(), note.GetProperty("safetySnapshot").GetString())));
        await RefusedAsync(world, point, safety);
        Assert.Equal([safety], await world.SnapshotNamesAsync());
        // The only way back is not given up by mistake.
        (await world.SnapshotsAsync("release", safety)).Expect(1);
        var asItIs = await world.BackUpAsync("--as-it-is");
        Assert.Equal("full", TypeOf(asItIs));
        // Whoever restores it later is told what it is.
        var restored = await world.OnVaultAsync("restore", PointOf(asItIs), "--to", "new-volume", "half", "--volume", "vda");
        foreach (var ended in (Ended[])[asItIs, restored])
            Assert.Contains(ended.Expect(0).Events, item => item.TryGetProperty("message", out var text)
                && text.GetString()!.Contains("made of half restored disks: vda, vdb", StringComparison.Ordinal));
        await RefusedAsync(world, point, safety);

        // A second one has a safety snapshot of half-written volumes: to go back to that makes nothing whole. What it finds written already
        // it does not write again, and would be done too soon.
        await File.WriteAllBytesAsync(world.VolumePath("vda"), new byte[s_first.Length]);
        await KillInMidWriteAsync(world, point);
        var second = Assert.Single(await world.SnapshotNamesAsync(), name => name != safety);
        (await world.SnapshotsAsync("rollback", second)).Expect(0);
        await RefusedAsync(world, point, safety);
        (await world.SnapshotsAsync("rollback", safety)).Expect(0);
        Assert.Equal(changed, await File.ReadAllBytesAsync(world.VolumePath("vda")));
        Assert.Empty(await RestoringAsync(world));
        Assert.Equal("full", TypeOf(await world.BackUpAsync()));

        await KillInMidWriteAsync(world, point);
        (await world.OnVaultAsync("restore", point, "--to", "original")).Expect(0);
        Assert.Equal(s_first, await File.ReadAllBytesAsync(world.VolumePath("vda")));
        Assert.Empty(await RestoringAsync(world));
        Assert.Equal("full", TypeOf(await world.BackUpAsync()));
    }

    [Fact]
    public async Task A_roll_back_that_fails_half_way_keeps_backups_away_until_it_is_done_again()
    {
        await using var world = await MakeAsync();
        await world.BackUpAsync();
        var snapshot = Assert.Single(await world.SnapshotNamesAsync());
        foreach (var disk in (string[])["vda", "vdb"]) await File.WriteAllBytesAsync(world.VolumePath(disk), new byte[s_first.Length]);
        // What is to take the second one's place cannot be written.
        var obstacle = Directory.CreateDirectory(world.VolumePath("vdb") + ".new");
        var failed = (await world.SnapshotsAsync("rollback", snapshot)).Expect(1).Last.GetProperty("error").GetString();
        Assert.Contains($"roll back to {snapshot} again before anybody starts the server", failed, StringComparison.Ordinal);
        Assert.Equal(s_first, await File.ReadAllBytesAsync(world.VolumePath("vda")));
        Assert.NotEqual(s_second, await File.ReadAllBytesAsync(world.VolumePath("vdb")));
        Assert.All(await RestoringAsync(world), note =>
            Assert.Equal((snapshot, true), (note.GetProperty("point").GetString(), note.GetProperty("isRollBack").GetBoolean())));
        await RefusedAsync(world, $"a roll back to the snapshot {snapshot} that began at", $"roll back to the snapshot {snapshot}");
        (await world.SnapshotsAsync("release", snapshot, "--even-if-base")).Expect(1);

        obstacle.Delete();
        (await world.SnapshotsAsync("rollback", snapshot)).Expect(0);
        Assert.Equal(s_second, await File.ReadAllBytesAsync(world.VolumePath("vdb")));
        Assert.Empty(await RestoringAsync(world));
        (await world.BackUpAsync()).Expect(0);
    }

    static async Task KillInMidWriteAsync(EdgeWorld world, string point)
    {
        var isAtWork = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var restore = world.Start((_, line) =>
        {
            if (line.Contains("\"what\":\"vda\"", StringComparison.Ordinal)) isAtWork.TrySetResult();
        }, "restore", point, "--to", "original", "--limit-rate", "256KiB");
        Assert.True(await restore.ComesBeforeEndAsync(isAtWork.Task), "it ended before it could be killed");
        await restore.SignalAsync("KILL");
        await restore.WaitAsync();
    }

    static async Task<List<JsonElement>> RestoringAsync(EdgeWorld world) =>
        [.. (await world.ServersAsync()).Expect(0).Events.SelectMany(server => server.GetProperty("disks").EnumerateArray())
            .Where(disk => disk.TryGetProperty("restoring", out _)).Select(disk => disk.GetProperty("restoring"))];

    static async Task RefusedAsync(EdgeWorld world, string point, string safety)
    {
        Assert.Equal(2, (await RestoringAsync(world)).Count);
        var error = (await world.BackUpAsync()).Expect(1).Last.GetProperty("error").GetString();
        foreach (var word in (string[])[point, safety, "restore again", "roll back"])
            Assert.Contains(word, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backup_of_fewer_disks_leaves_nothing_of_the_others_snapshots()
    {
        await using var world = await MakeAsync();
        Assert.Equal("full", TypeOf(await world.BackUpAsync()));
        (await world.BackUpAsync("--volumes", "vda")).Expect(0);
        Assert.Single(await world.SnapshotNamesAsync());
        (await world.BackUpAsync()).Expect(0);
        Assert.Single(await world.SnapshotNamesAsync());
    }

    [Fact]
    public async Task A_disk_that_cannot_be_backed_up_is_told_by_the_list_the_backup_and_the_restore()
    {
        await using var world = await MakeAsync();
        const string Reason = "a libvirt storage pool's volume: not supported";
        await File.WriteAllTextAsync(world.Vault["cloud/servers/web-1.json"], $$"""
            {"state":"shutdown","disks":[{"name":"vda","volume":"vda"},{"name":"vdb","volume":"vdb"}],
             "leftOut":[{"name":"vdc","reason":"{{Reason}}"}]}
            """);
        var listed = (await world.ServersAsync()).Expect(0).Events.Single().GetProperty("leftOut").EnumerateArray().Single();
        Assert.Equal(("vdc", Reason), (listed.GetProperty("name").GetString(), listed.GetProperty("reason").GetString()));
        var table = (await CliProcess.RunAsync(["server", "list", "--cloud", world.Config])).Expect(0).Output;
        Assert.EndsWith($"left out: {Reason}", Assert.Single(table, line => line.Contains("vdc", StringComparison.Ordinal)).TrimEnd(),
            StringComparison.Ordinal);

        var backup = await world.BackUpAsync();
        Assert.Contains($"the disk vdc of web-1 is left out of the backup: {Reason}", NotesOf(backup));
        // Whoever names disks knows what he gets, and hears why he does not get this one.
        Assert.DoesNotContain(NotesOf(await world.BackUpAsync("--volumes", "vda")), IsAboutIt);
        Assert.Contains($"left out: vdc ({Reason})", (await world.BackUpAsync("--volumes", "vdc")).Expect(1).Last.GetProperty("error")
            .GetString(), StringComparison.Ordinal);

        var restored = await world.OnVaultAsync("restore", PointOf(backup), "--to", "new-server", "web-2");
        Assert.Contains($"the server web-2 gets no disk vdc: it was left out of the backup ({Reason})", NotesOf(restored));
        Assert.DoesNotContain(NotesOf(await world.OnVaultAsync("restore", PointOf(backup), "--to", "original")), IsAboutIt);

        static bool IsAboutIt(string note) => note.Contains("vdc", StringComparison.Ordinal);
    }

    static string[] NotesOf(Ended ended) => [.. ended.Expect(0).Events.Where(item => item.GetProperty("event").GetString() == "note")
        .Select(item => item.GetProperty("message").GetString()!)];

    [Fact]
    public async Task A_point_is_compared_with_its_snapshot_byte_for_byte()
    {
        await using var world = await MakeAsync();
        var point = PointOf(await world.BackUpAsync());
        (await world.OnVaultAsync("compare", point)).Expect(0);
        var snapshot = Directory.EnumerateFiles(world.Vault["cloud/instants"], "vda*", SearchOption.AllDirectories).Single();
        await using (var file = File.OpenWrite(snapshot))
        {
            file.Position = 50_000;
            file.WriteByte(0xA5);
        }
        var compared = (await world.OnVaultAsync("compare", point)).Expect(3).Events
            .Single(item => item.GetProperty("event").GetString() == "compared" && item.GetProperty("volume").GetString() == "vda");
        var range = Assert.Single(compared.GetProperty("different").EnumerateArray());
        Assert.InRange(50_000, range.GetProperty("offset").GetInt64(), range.GetProperty("offset").GetInt64()
            + range.GetProperty("length").GetInt64());
    }

    [Fact]
    public async Task A_change_that_tracking_missed_makes_the_whole_run_a_full_and_what_came_before_distrusted()
    {
        await using var world = await MakeAsync();
        await world.BackUpAsync();
        var incremental = PointOf(await world.BackUpAsync());
        // The lab finds changes by comparing with the base's snapshot: a change that is planted there too goes unnoticed.
        var changed = s_first.ToArray();
        changed.AsSpan(0, 2_000_000).Fill(9);
        foreach (var file in Directory.EnumerateFiles(world.Vault["cloud/instants"], "vda*",
            SearchOption.AllDirectories).Append(world.VolumePath("vda")))
            await File.WriteAllBytesAsync(file, changed);

        var full = await world.BackUpAsync();
        Assert.Equal("full", TypeOf(full));
        foreach (var volume in (string[])["vda", "vdb"])
            Assert.Contains(full.Output, line => line.Contains($"volume {volume} becomes full: change tracking missed a change of vda",
                StringComparison.Ordinal));
        (await world.OnVaultAsync("compare", PointOf(full))).Expect(0);
        var restored = (await world.OnVaultAsync("restore", incremental, "--to", "new-volume", "old", "--volume", "vda")).Expect(0);
        Assert.Contains(restored.Output, line => line.Contains("distrusted", StringComparison.Ordinal));
        Assert.Equal("incremental", TypeOf(await world.BackUpAsync()));
        Assert.Equal(s_first, await File.ReadAllBytesAsync(world.VolumePath("old")));
    }

    [Theory]
    [InlineData("""{"kind":"lab"}""", "a lab cloud needs its folder")]
    [InlineData("""{"kind":"moon"}""", "there are lab, libvirt and libvirt+ceph")]
    [InlineData("""{"kind":"lab","folder":"cloud","holdLimit":3}""",
        "there is no holdLimit; it may have kind, folder, libvirt, ceph, holdLimitSeconds")]
    [InlineData("""{"kind":"libvirt+ceph","libvirt":{"uri":"u"},"ceph":{"keyring":"k"}}""",
        "there is no ceph.keyring; ceph may have configurationFile, user, keyringFile, operationTimeoutSeconds")]
    [InlineData("""{"kind":"libvirt+ceph","libvirt":{"uri":"u"},"ceph":{"configurationFile":"c"}}""", "ceph.user is missing")]
    [InlineData("""{"kind":"libvirt+ceph","libvirt":{"uri":"u"},"ceph":{"configurationFile":"c","user":"x","pools":"rbd"}}""", "ceph.pools is to be a list of texts")]
    [InlineData("""{"kind":"libvirt+ceph","libvirt":{"uri":"u"},"ceph":{"configurationFile":"c","user":"x","pools":[]}}""", "its pools are none")]
    [InlineData("""{"kind":"lab","folder":"cloud","holdLimitSeconds":"3"}""", "holdLimitSeconds is to be a number")]
    [InlineData("""{"kind":"lab","kind":"lab","folder":"cloud"}""", "kind is there twice")]
    [InlineData("""{"kind":null}""", "kind may not be null")]
    [InlineData("""{"kind":"libvirt+ceph"}""", "needs libvirt and ceph")]
    [InlineData("lab", "names no cloud")]
    [InlineData("""{"kind":"libvirt+ceph","libvirt":{"uri":"u"},"ceph":{"configurationFile":"c","user":"x","operationTimeoutSeconds":1e300}}""", "from 1 to 600")]
    [InlineData("""{"kind":"libvirt+ceph","libvirt":{"uri":"u"},"ceph":{"configurationFile":"c","user":"x","operationTimeoutSeconds":0}}""", "from 1 to 600")]
    public async Task A_configuration_that_names_no_cloud_is_refused_in_one_line(string document, string reason)
    {
        await using var world = await MakeAsync();
        await world.ConfigureAsync(document);
        var failed = (await world.ServersAsync()).Expect(1).Last;
        var error = failed.GetProperty("error").GetString();
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.Contains(world.Config, error, StringComparison.Ordinal);
        Assert.DoesNotContain("VBackup.", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_there_is_refused_and_leaves_nothing_behind()
    {
        await using var world = await MakeAsync();
        (await world.BackUpAsync("--volumes", "vdz")).Expect(1);
        foreach (var none in (string[])[",", " , ", ""]) (await world.BackUpAsync("--volumes", none)).Expect(2);
        var point = PointOf(await world.BackUpAsync());
        var there = (await world.OnVaultAsync("restore", point, "--to", "new-volume", "vda", "--volume", "vdb")).Expect(1).Last;
        Assert.Contains("remove what it left half made", there.GetProperty("error").GetString(), StringComparison.Ordinal);
        (await world.OnVaultAsync("restore", point, "--to", "new-server", "web-3", "--volume", "vda")).Expect(2);
        (await world.OnVaultAsync("restore", point, "--to", "new-server", "web-1")).Expect(1);
        (await world.OnVaultAsync("restore", point, "--to", "sideways")).Expect(2);
        Assert.Equal(s_first, await File.ReadAllBytesAsync(world.VolumePath("vda")));
        Assert.Single(await world.SnapshotNamesAsync());
        // A volume that became longer meanwhile is no place for the old one.
        await using (var file = File.OpenWrite(world.VolumePath("vdb"))) file.SetLength(2_000_000);
        var refused = (await world.OnVaultAsync("restore", point, "--to", "original")).Expect(1).Last;
        Assert.Contains("vdb", refused.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Single(await world.SnapshotNamesAsync());
    }
}
