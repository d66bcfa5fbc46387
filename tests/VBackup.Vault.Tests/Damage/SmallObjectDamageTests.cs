using VBackup.Primitives;
using VBackup.Vault.Catalog;
using VBackup.Vault.Collecting;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.Damage;

public sealed class SmallObjectDamageTests(SampleFixture fixture) : IClassFixture<SampleFixture>
{
    private readonly SampleVault _sample = fixture.Sample;

    public static TheoryData<string> Prefixes =>
        [ObjectNames.Points, ObjectNames.Sessions, ObjectNames.Collectors, ObjectNames.Condemnations, ObjectNames.Indexes,
            ObjectNames.Catalogues];

    [Theory]
    [MemberData(nameof(Prefixes))]
    public async Task Every_flipped_byte_is_found_and_names_its_object(string prefix)
    {
        var random = new Random(1);
        foreach (var name in _sample.Image.Under(prefix))
        {
            var length = _sample.Image[name].Length;
            // Of the longer ones every byte of both ends, and some in between.
            foreach (var offset in Enumerable.Range(0, length).Where(at => length < 100 || at < 45 || at >= length - 20
                || random.Next(length) < 30))
                await AssertFoundAsync(_sample.Image.Flip(name, offset, (byte)(1 << random.Next(8))), name);
        }
    }

    [Theory]
    [MemberData(nameof(Prefixes))]
    public async Task Every_object_that_was_cut_short_is_found(string prefix)
    {
        foreach (var name in _sample.Image.Under(prefix))
        {
            var length = _sample.Image[name].Length;
            foreach (var left in (int[])[0, 1, 39, 40, 55, length / 2, length - 16, length - 1])
                await AssertFoundAsync(_sample.Image.Truncate(name, left), name);
        }
    }

    [Theory]
    [InlineData(ObjectNames.Points)]
    [InlineData(ObjectNames.Sessions)]
    [InlineData(ObjectNames.Collectors)]
    [InlineData(ObjectNames.Condemnations)]
    [InlineData(ObjectNames.Catalogues)]
    public async Task Every_object_that_is_longer_than_any_can_be_is_found(string prefix)
    {
        foreach (var name in _sample.Image.Under(prefix))
            await AssertFoundAsync(_sample.Image.With(name, new byte[FormatLimits.SmallObjectSizeMax + 1]), name);
    }

    [Theory]
    [MemberData(nameof(Prefixes))]
    public async Task Objects_that_were_exchanged_are_both_found(string prefix)
    {
        var names = _sample.Image.Under(prefix).ToList();
        // Where there is only one, any other object of the vault will do.
        if (names.Count == 1) names.Add(_sample.Image.Under(ObjectNames.Points).First());
        for (var i = 1; i < names.Count; i++)
        {
            var damaged = _sample.Image.Swap(names[i - 1], names[i]);
            await AssertFoundAsync(damaged, names[i - 1]);
            await AssertFoundAsync(damaged, names[i]);
        }
    }

    [Fact]
    public async Task A_missing_index_object_is_found_by_the_structure_alone_and_restores_go_on()
    {
        foreach (var name in _sample.Image.Under(ObjectNames.Indexes))
        {
            await using var vault = await SampleVault.OpenAsync(_sample.Image.Without(name));
            var result = await SampleVault.VerifyAsync(vault, allData: false);
            Assert.Contains(result.Damages, damage => damage.Kind == DamageKind.Index && damage.Affected.Count == 0);
            await _sample.AssertRestoresAsync(vault, []);
        }
    }

    [Fact]
    public async Task A_damaged_index_object_keeps_no_point_from_being_restored_however_stale_the_hints_are()
    {
        await using var vault = TestVault.Over(new MemoryStore(), with: SampleVault.Small);
        var content = Contents.Mixed(1, 200_000);
        var full = await vault.BackUpAsync(content);
        (content, var changed) = Contents.Change(2, content, 30, 4000);
        var kept = await vault.BackUpAsync(content, full, changed);
        await vault.DeleteAsync(full);
        Assert.True((await vault.CollectAsync(new() { SessionTimeout = TimeSpan.Zero, RewriteBelow = 1, WasteMax = 0,
            FilterSalt = 1 })).PacksRewritten > 0);
        var image = await StoreImage.TakeAsync(vault.Store);
        var random = new Random(3);
        foreach (var name in image.Under(ObjectNames.Indexes))
        {
            foreach (var offset in Enumerable.Range(0, 60).Select(_ => random.Next(image[name].Length)))
            {
                await using var damaged = await SampleVault.OpenAsync(image.Flip(name, offset));
                Contents.AssertSame(content, await damaged.RestoreAsync(kept));
            }
            await using var missing = await SampleVault.OpenAsync(image.Without(name));
            Contents.AssertSame(content, await missing.RestoreAsync(kept));
        }
    }

    [Fact]
    public async Task A_long_object_that_only_ends_like_an_index_object_is_damage_and_is_not_copied()
    {
        var name = ObjectNames.Index(ObjectId.New(new Random(1).NextBytes));
        var bogus = new byte[4 << 20];
        new ObjectTrailer(1000, 100).Write(bogus.AsSpan(bogus.Length - ObjectTrailer.Size), ObjectTrailer.IndexMagic);
        CountingStore? counting = null;
        await using var vault = await SampleVault.OpenAsync(_sample.Image.With(name, bogus), store => counting = new(store));
        Assert.Equal(name, Assert.Single((await SampleVault.VerifyAsync(vault)).Damages).ObjectName);
        Assert.Equal(name, (await Assert.ThrowsAsync<DamageException>(() => vault.BackUpAsync(new byte[10]))).ObjectName);
        Assert.DoesNotContain(counting!.Reads, read => read.Name == name);
        Assert.Equal(1, (await Repairer.RunAsync(vault.Vault, [], null, default)).IndexObjectsRemoved);
    }

    [Fact]
    public async Task A_point_under_another_points_name_is_refused()
    {
        var points = _sample.Map.Points;
        await using var vault = await SampleVault.OpenAsync(
            _sample.Image.With(ObjectNames.Points + points[0].Id, _sample.Image[ObjectNames.Points + points[1].Id]));
        Assert.True(PointId.TryParse(points[0].Id, out var id));
        var damage = await Assert.ThrowsAsync<DamageException>(() => vault.Vault.FindPointAsync(id, default));
        Assert.Equal(ObjectNames.Point(id), damage.ObjectName);
    }

    [Fact]
    public async Task A_deleted_point_that_is_put_back_is_either_whole_or_found()
    {
        await using var vault = TestVault.Over(new MemoryStore(), with: SampleVault.Small);
        var content = Contents.Mixed(1, 300_000);
        var kept = await vault.BackUpAsync(content);
        var deleted = await vault.BackUpAsync(Contents.Mixed(2, 300_000));
        var name = ObjectNames.Points + deleted.Id;
        var bytes = await vault.Store.GetAsync(name, int.MaxValue, default);
        await vault.DeleteAsync(deleted);
        await vault.CollectAsync();
        await vault.Store.PutAsync(name, bytes, default);
        var result = await SampleVault.VerifyAsync(vault, allData: false);
        Assert.Equal([(deleted.Id, "disk")], VaultMap.AffectedBy(result).Keys);
        await Assert.ThrowsAsync<DamageException>(() => vault.RestoreAsync(deleted));
        Assert.Equal(content, await vault.RestoreAsync(kept));
    }

    [Fact]
    public async Task An_older_beat_under_the_same_name_does_no_harm()
    {
        var name = _sample.Image.Under(ObjectNames.Sessions).Single(item =>
            item.EndsWith(ObjectNames.BeatSuffix, StringComparison.Ordinal));
        await using var vault = await SampleVault.OpenAsync(_sample.Image);
        await vault.Vault.PutAsync(ObjectKind.SessionNote, name, new NoteDocument { Count = 9 }, DocumentJson.Default.NoteDocument,
            default);
        await vault.Store.PutAsync(name, _sample.Image[name], default);
        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
    }

    [Theory]
    [InlineData(ObjectNames.Points)]
    [InlineData(ObjectNames.Indexes)]
    [InlineData(ObjectNames.Condemnations)]
    public async Task A_collection_of_a_damaged_vault_deletes_no_pack_and_leaves_no_registration(string prefix)
    {
        var name = _sample.Image.Under(prefix).First();
        await using var vault = await SampleVault.OpenAsync(_sample.Image.Flip(name, 50));
        var damage = await Assert.ThrowsAsync<DamageException>(() =>
            vault.CollectAsync(new() { SessionTimeout = TimeSpan.Zero, CollectorTimeout = TimeSpan.MaxValue, FilterSalt = 1 }));
        Assert.Equal(name, damage.ObjectName);
        Assert.Equal(_sample.Image.Under(ObjectNames.Packs), (await vault.ObjectsAsync(ObjectNames.Packs)).Select(item => item.Name));
        Assert.Equal(_sample.Image.Under(ObjectNames.Collectors),
            (await vault.ObjectsAsync(ObjectNames.Collectors)).Select(item => item.Name));
    }

    [Fact]
    public async Task A_listing_goes_past_a_point_that_cannot_be_read_and_names_it()
    {
        var names = _sample.Image.Under(ObjectNames.Points).ToList();
        await using var whole = await SampleVault.OpenAsync(_sample.Image);
        var (all, _) = await VaultCatalog.ListAsync(whole.Vault, withFreed: true, default);
        await using var vault = await SampleVault.OpenAsync(_sample.Image.Flip(names[0], 60));
        var (points, unreadable) = await VaultCatalog.ListAsync(vault.Vault, withFreed: true, default);
        Assert.Equal(names[0], Assert.Single(unreadable).ObjectName);
        Assert.Equal(all.Select(item => item.Point.Id).Where(id => ObjectNames.Points + id != names[0]),
            points.Select(item => item.Point.Id));
        Assert.All(points, item => Assert.Null(item.FreedBytes));
        Assert.All(all, item => Assert.NotNull(item.FreedBytes));
    }

    [Fact]
    public async Task A_point_that_cannot_be_read_is_affected_and_found_by_its_whole_id_alone_to_be_deleted()
    {
        var name = _sample.Image.Under(ObjectNames.Points).First();
        var id = name[ObjectNames.Points.Length..];
        await using var vault = await SampleVault.OpenAsync(_sample.Image.Flip(name, 60));
        Assert.Equal(id, Assert.Single((await SampleVault.VerifyAsync(vault, allData: false)).Damages).Point);
        await Assert.ThrowsAsync<UnusableVaultException>(() => VaultCatalog.FindToDeleteAsync(vault.Vault, id[..8], default));
        var (found, damage) = await VaultCatalog.FindToDeleteAsync(vault.Vault, id, default);
        Assert.Equal((id, name), (found.ToString(), damage!.ObjectName));
        await VaultCatalog.DeleteAsync(vault.Vault, found, default);
        Assert.True((await SampleVault.VerifyAsync(vault, allData: false)).IsSound);
        await vault.CollectAsync();
        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
    }

    [Fact]
    public async Task A_search_by_the_start_of_an_id_goes_past_points_that_cannot_be_read()
    {
        var point = _sample.Map.Points[0];
        // Another one whose id begins alike, and holds garbage.
        var other = point.Id[..8] + new string('0', point.Id.Length - 8);
        await using var vault = await SampleVault.OpenAsync(_sample.Image.With(ObjectNames.Points + other, new byte[100]));
        Assert.Equal(point.Id, (await VaultCatalog.FindAsync(vault.Vault, point.Id[..8], default)).Id);
        Assert.Equal(ObjectNames.Points + other,
            (await Assert.ThrowsAsync<DamageException>(() => VaultCatalog.FindAsync(vault.Vault, other[..12], default))).ObjectName);
        // A deletion must not take the one for the other.
        await Assert.ThrowsAsync<UnusableVaultException>(() => VaultCatalog.FindToDeleteAsync(vault.Vault, point.Id[..8], default));
        Assert.Null((await VaultCatalog.FindToDeleteAsync(vault.Vault, point.Id, default)).Damage);
    }

    [Fact]
    public async Task Points_that_cannot_be_read_are_removed_only_when_it_is_asked_for_and_collections_go_on()
    {
        var name = _sample.Image.Under(ObjectNames.Points).First();
        await using var vault = await SampleVault.OpenAsync(_sample.Image.Flip(name, 60));
        await Assert.ThrowsAsync<DamageException>(() => vault.CollectAsync());
        var repaired = await Repairer.RunAsync(vault.Vault, [], null, default);
        Assert.Equal(name, Assert.Single(repaired.Remaining.Damages).ObjectName);

        var unreadable = Assert.Single(await UnreadableObjects.FindPointsAsync(vault.Vault, default));
        Assert.Equal(name, unreadable.ObjectName);
        Assert.True(await UnreadableObjects.RemovePointAsync(vault.Vault, unreadable, default));
        await vault.CollectAsync();
        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
        foreach (var point in _sample.Map.Points.Where(point => ObjectNames.Points + point.Id != name))
            Contents.AssertSame(_sample.Contents[(point.Id, "disk")], await vault.RestoreAsync(point));
    }

    [Fact]
    public async Task A_point_that_can_be_read_after_all_is_not_removed()
    {
        var name = _sample.Image.Under(ObjectNames.Points).First();
        await using var vault = await SampleVault.OpenAsync(_sample.Image);
        Assert.False(await UnreadableObjects.RemovePointAsync(vault.Vault, new(name, "was unreadable"), default));
        Assert.True(await vault.Store.ExistsAsync(name, default));
    }

    [Fact]
    public async Task A_decision_that_cannot_be_read_is_named_and_lists_and_is_decided_anew_only_without_points()
    {
        var point = _sample.Map.Points[0];
        Assert.True(SessionId.TryParse(point.Session, out var session));
        var name = ObjectNames.Decision(session);
        await using var vault = await SampleVault.OpenAsync(_sample.Image.With(name, new byte[100]));
        var damage = Assert.Single((await SampleVault.VerifyAsync(vault)).Damages);
        Assert.Equal(name, damage.ObjectName);
        Assert.Contains(point.Id, damage.Reason, StringComparison.Ordinal);
        var (listed, unreadable) = await VaultCatalog.ListAsync(vault.Vault, withFreed: false, default);
        Assert.Equal((_sample.Map.Points.Count, name), (listed.Count, Assert.Single(unreadable).ObjectName));

        Assert.Equal([point.Id], Assert.Single(await UnreadableObjects.FindDecisionsAsync(vault.Vault, default)).Points);
        Assert.False(await UnreadableObjects.DecideAnewAsync(vault.Vault, session, default));
        var (id, _) = await VaultCatalog.FindToDeleteAsync(vault.Vault, point.Id, default);
        await VaultCatalog.DeleteAsync(vault.Vault, id, default);
        await Assert.ThrowsAsync<DamageException>(() => vault.CollectAsync());
        Assert.True(await UnreadableObjects.DecideAnewAsync(vault.Vault, session, default));
        Assert.Empty((await SessionList.DecisionOf(vault.Vault, session, default))!);
        await vault.CollectAsync();
        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
    }

    [Fact]
    public async Task A_decision_that_can_be_read_is_never_decided_anew()
    {
        await using var vault = await SampleVault.OpenAsync(_sample.Image);
        var name = _sample.Image.Under(ObjectNames.Sessions).Single(item =>
            item.EndsWith(ObjectNames.DecisionSuffix, StringComparison.Ordinal));
        Assert.True(ObjectNames.TryParseSession(name, out var session, out _));
        Assert.False(await UnreadableObjects.DecideAnewAsync(vault.Vault, session, default));
        Assert.NotEmpty((await SessionList.DecisionOf(vault.Vault, session, default))!);
    }

    [Fact]
    public async Task An_unreadable_registration_is_expelled_and_does_not_stop_collections()
    {
        var name = _sample.Image.Under(ObjectNames.Collectors).Single();
        await using var vault = await SampleVault.OpenAsync(_sample.Image.Flip(name, 60));
        await vault.CollectAsync(new() { SessionTimeout = TimeSpan.Zero, CollectorTimeout = TimeSpan.MaxValue, FilterSalt = 1 });
        Assert.Empty(await vault.ObjectsAsync(ObjectNames.Collectors));
        await _sample.AssertRestoresAsync(vault, []);
    }

    [Fact]
    public async Task A_session_that_cannot_be_read_is_revoked_and_stops_neither_collections_nor_verifications()
    {
        var name = _sample.Image.Under(ObjectNames.Sessions).Single(item => ObjectNames.TryParseSession(item, out _, out var suffix)
            && suffix.Length == 0 && !_sample.Image.Under(item + ObjectNames.EndedSuffix).Any());
        await using var vault = await SampleVault.OpenAsync(_sample.Image.Flip(name, 60));
        var result = await vault.CollectAsync(new() { SessionTimeout = TimeSpan.FromDays(1), CollectorTimeout = TimeSpan.FromTicks(-1),
            FilterSalt = 1 });
        Assert.Equal(1, result.SessionsRevoked);
        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
        await _sample.AssertRestoresAsync(vault, []);
        await vault.CollectAsync();
    }

    [Fact]
    public async Task A_sign_of_life_that_cannot_be_read_stops_neither_incrementals_nor_collections()
    {
        var name = _sample.Image.Under(ObjectNames.Sessions).Single(item =>
            item.EndsWith(ObjectNames.BeatSuffix, StringComparison.Ordinal));
        await using var vault = await SampleVault.OpenAsync(_sample.Image.Flip(name, 60));
        var point = await vault.BackUpAsync(Contents.Mixed(9, 50_000), _sample.Map.Points[0]);
        Assert.Equal(PointType.Incremental, point.Type);
        await vault.CollectAsync();
        await _sample.AssertRestoresAsync(vault, []);
    }

    private async Task AssertFoundAsync(StoreImage damaged, string name)
    {
        await using var vault = await SampleVault.OpenAsync(damaged);
        var result = await SampleVault.VerifyAsync(vault, allData: false);
        Assert.Contains(result.Damages, damage => damage.ObjectName == name);
        Assert.Empty(VaultMap.AffectedBy(result));
        await AssertRestoresOfReadablePointsAsync(vault, name);
    }

    // No small object but its own can keep a point from being restored.
    private async Task AssertRestoresOfReadablePointsAsync(TestVault vault, string damaged)
    {
        foreach (var point in _sample.Map.Points.Where(point => ObjectNames.Points + point.Id != damaged).Take(1))
            Contents.AssertSame(_sample.Contents[(point.Id, "disk")], await vault.RestoreAsync(point));
    }
}

public sealed class KeyAndHeaderDamageTests
{
    private static readonly byte[] s_key = [.. Enumerable.Range(5, 32).Select(i => (byte)i)];

    [Fact]
    public async Task Every_flipped_or_missing_byte_of_the_vaults_header_is_refused()
    {
        var image = await MakeAsync();
        for (var offset = 0; offset < VaultHeader.Size; offset++)
            await AssertRefusedAsync(image.Flip(ObjectNames.Header, offset, (byte)(1 << offset % 8)));
        for (var left = 0; left < VaultHeader.Size; left++) await AssertRefusedAsync(image.Truncate(ObjectNames.Header, left));
        await AssertRefusedAsync(image.With(ObjectNames.Header, [.. image[ObjectNames.Header], 0]));
        await AssertRefusedAsync(image.Without(ObjectNames.Header));
    }

    [Fact]
    public async Task The_header_of_another_vault_with_the_same_key_file_is_refused()
    {
        var (one, other) = (await MakeAsync(), await MakeAsync());
        await AssertRefusedAsync(one.With(ObjectNames.Header, other[ObjectNames.Header]));
    }

    [Fact]
    public async Task A_key_slot_with_a_flipped_bit_either_opens_nothing_or_opens_the_right_vault()
    {
        var image = await MakeAsync();
        var slot = image.Under(ObjectNames.Keys).First(name => name == NameOfKeyFile(image));
        for (var offset = 0; offset < image[slot].Length; offset++)
        {
            var damaged = image.Flip(slot, offset, (byte)(1 << offset % 8));
            try
            {
                // What is not vouched for, such as the time it was made, may be altered unseen by the opening.
                await using var opened = await OpenAsync(damaged);
                Assert.True(VaultHeader.Decode(image[ObjectNames.Header]) == opened.Header);
            }
            catch (Exception refused) when (refused is DamageException or UnusableVaultException)
            {
                Assert.NotEmpty(refused.Message);
            }
        }
    }

    [Fact]
    public async Task A_verification_finds_every_flipped_bit_of_a_key_slot_that_it_was_not_opened_with()
    {
        var image = await MakeAsync();
        var slot = image.Under(ObjectNames.Keys).First(name => name != NameOfKeyFile(image));
        for (var offset = 0; offset < image[slot].Length; offset++)
        {
            await using var opened = await OpenAsync(image.Flip(slot, offset, (byte)(1 << offset % 8)));
            var result = await Verifier.RunAsync(opened, allData: false, null, default);
            var damage = Assert.Single(result.Damages);
            Assert.Equal(slot, damage.ObjectName);
            Assert.Equal(DamageKind.KeySlot, damage.Kind);
        }
    }

    [Fact]
    public async Task A_verification_finds_a_key_slot_under_another_slots_name()
    {
        var image = await MakeAsync();
        var slot = image.Under(ObjectNames.Keys).First(name => name != NameOfKeyFile(image));
        await using var opened = await OpenAsync(image.With(slot, image[NameOfKeyFile(image)]));
        var result = await Verifier.RunAsync(opened, allData: false, null, default);
        Assert.Equal(slot, Assert.Single(result.Damages).ObjectName);
    }

    [Fact]
    public async Task A_key_slot_that_cannot_be_read_is_given_up_when_asked_for_and_never_one_that_may_open()
    {
        var image = await MakeAsync();
        var (own, other) = (NameOfKeyFile(image), image.Under(ObjectNames.Keys).First(name => name != NameOfKeyFile(image)));
        await using var opened = await OpenAsync(image.With(other, new byte[50]).With(ObjectNames.Keys + new string('a', 32),
            System.Text.Encoding.ASCII.GetBytes(System.Text.Encoding.ASCII.GetString(image[other]).Replace("\"format\":1", "\"format\":9",
                StringComparison.Ordinal))));
        var damage = Assert.Single((await Verifier.RunAsync(opened, allData: false, null, default)).Damages, item =>
            item.ObjectName == other);
        Assert.Contains("repair --remove-unreadable", damage.Reason, StringComparison.Ordinal);
        var unreadable = Assert.Single(await UnreadableObjects.FindKeySlotsAsync(opened, default));
        Assert.Equal(other, unreadable.ObjectName);
        Assert.True(await UnreadableObjects.RemoveKeySlotAsync(opened, unreadable, default));
        Assert.False(await UnreadableObjects.RemoveKeySlotAsync(opened, new(own, "was unreadable"), default));
        Assert.True(await opened.Store.ExistsAsync(own, default));
        Assert.False(await opened.Store.ExistsAsync(other, default));
    }

    private static async Task<StoreImage> MakeAsync()
    {
        using var unlock = VaultUnlock.WithKey(s_key);
        await using var vault = await BackupVault.CreateAsync(new MemoryStore(), unlock, 4096, Runtime, default);
        await VaultKeySlots.AddRecoveryKeyAsync(vault, default);
        return await StoreImage.TakeAsync(vault.Store);
    }

    private static string NameOfKeyFile(StoreImage image) =>
        KeySlot.NameOf(s_key, VaultHeader.Decode(image[ObjectNames.Header]).VaultId.ToArray());

    private static async Task<BackupVault> OpenAsync(StoreImage image)
    {
        using var unlock = VaultUnlock.WithKey(s_key);
        return await BackupVault.OpenAsync(await image.ToStoreAsync(), unlock, Runtime, default);
    }

    private static VaultRuntime Runtime => new() { BeatInterval = null };

    private static async Task AssertRefusedAsync(StoreImage image)
    {
        var refused = await Record.ExceptionAsync(async () => await (await OpenAsync(image)).DisposeAsync());
        Assert.True(refused is DamageException or UnusableVaultException, $"{refused}");
    }
}
