using VBackup.Vault.Format;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.Damage;

/// <summary>The sample vault is made once; every test damages a copy.</summary>
public sealed class SampleFixture : IAsyncLifetime
{
    internal SampleVault Sample { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Sample = await SampleVault.MakeAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

public sealed class PackDamageTests(SampleFixture fixture) : IClassFixture<SampleFixture>
{
    private const int BlobsPerPack = 4;
    private readonly SampleVault _sample = fixture.Sample;

    [Fact]
    public async Task The_sample_is_sound_and_has_every_kind_of_object()
    {
        await using var vault = await SampleVault.OpenAsync(_sample.Image);
        Assert.True((await SampleVault.VerifyAsync(vault)).IsSound);
        await _sample.AssertRestoresAsync(vault, []);
        Assert.Equal(3, _sample.Map.Points.Count);
        Assert.Contains(_sample.Map.Points, point => point.Volumes.Any(volume => volume.Levels == 2));
        Assert.True(_sample.Map.Packs.Values.Count(IsOfNodes) > 1, "packs of nodes");
        Assert.True(_sample.Map.Packs.Values.Count(entries => !IsOfNodes(entries)) > 3, "packs of chunks");
        foreach (var prefix in (string[])[ObjectNames.Indexes, ObjectNames.Points, ObjectNames.Sessions, ObjectNames.Collectors,
            ObjectNames.Condemnations])
            Assert.NotEmpty(_sample.Image.Under(prefix));
    }

    [Fact]
    public async Task A_flipped_bit_in_a_blob_is_found_with_exactly_what_it_affects_and_never_restored()
    {
        var random = new Random(1);
        foreach (var (pack, entries) in _sample.Map.Packs)
            foreach (var entry in Some(random, entries))
            {
                // Counter, shape, ciphertext, tag.
                int[] offsets = [random.Next(4), 4 + random.Next(4), 8, random.Next(8, (int)entry.Length - 16), (int)entry.Length - 1];
                foreach (var offset in offsets)
                {
                    var damaged = _sample.Image.Flip(pack, (int)entry.Offset + offset, (byte)(1 << random.Next(8)));
                    await AssertFoundAsync(damaged, pack, (name, blob) => name == pack && blob == entry);
                }
            }
    }

    [Fact]
    public async Task A_delta_that_goes_on_past_damage_leaves_what_the_target_has_still()
    {
        await using var vault = TestVault.Over(new Stores.MemoryStore());
        var content = new byte[40 * 4096];
        new Random(1).NextBytes(content);
        var point = await vault.BackUpAsync(content);
        var pack = (await vault.ObjectsAsync(ObjectNames.Packs)).MaxBy(entry => entry.LengthBytes)!.Name;
        var bytes = await vault.Store.GetAsync(pack, int.MaxValue, default);
        foreach (var at in (int[])[20_000, 100_000]) bytes[at] ^= 1;
        await vault.Store.PutAsync(pack, bytes, default);

        var blank = MemoryVolume.Blank(content.Length);
        var bad = (await vault.ImportAsync(point, "disk", blank, new() { BestEffort = true })).Bad;
        Assert.Equal(2, bad.Count);
        // The target has one of the two, and something else in place of the other.
        var present = content.ToArray();
        present[(int)bad[1].Offset] ^= 1;
        present[0] ^= 1;
        var target = new MemoryVolume(present);
        var result = await vault.ImportAsync(point, "disk", target, new() { Delta = true, BestEffort = true });
        Assert.Equal([bad[1]], result.Bad);
        var expected = content.ToArray();
        expected.AsSpan((int)bad[1].Offset, (int)bad[1].Length).Clear();
        Contents.AssertSame(expected, target.Content);
        await Assert.ThrowsAsync<DamageException>(() => vault.ImportAsync(point, "disk", new MemoryVolume(present.ToArray()),
            new() { Delta = true }));
        // What is held is not asked for: a target that is whole needs nothing of what is damaged.
        var whole = await vault.ImportAsync(point, "disk", new MemoryVolume(content.ToArray()), new() { Delta = true });
        Assert.Equal((0, 0), (whole.WrittenBytes, whole.FetchedBytes));
    }

    [Fact]
    public async Task A_flipped_bit_outside_the_blobs_is_found_and_does_no_harm_to_a_restore()
    {
        var random = new Random(2);
        foreach (var (pack, entries) in _sample.Map.Packs)
        {
            var length = _sample.Image[pack].Length;
            var footer = (int)(entries[^1].Offset + entries[^1].Length);
            IEnumerable<int> offsets =
            [
                .. Enumerable.Range(0, 8), 8 + random.Next(32), footer, random.Next(footer, length - 16), length - 17,
                .. Enumerable.Range(length - 16, 16),
            ];
            foreach (var offset in offsets)
                await AssertFoundAsync(_sample.Image.Flip(pack, offset, (byte)(1 << random.Next(8))), pack, (_, _) => false);
        }
    }

    [Fact]
    public async Task A_pack_that_was_cut_short_is_found_with_exactly_what_it_lost()
    {
        var random = new Random(3);
        foreach (var (pack, entries) in _sample.Map.Packs)
        {
            var length = _sample.Image[pack].Length;
            foreach (var left in (int[])[0, 1, 39, 40, random.Next(40, length), (int)entries[0].Offset + (int)entries[0].Length,
                length - 17, length - 1])
                await AssertFoundAsync(_sample.Image.Truncate(pack, left), pack,
                    (name, blob) => name == pack && blob.Offset + blob.Length > left);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_missing_pack_is_found_with_exactly_what_it_held_even_by_the_structure_alone(bool allData)
    {
        foreach (var pack in _sample.Map.Packs.Keys)
        {
            await using var vault = await SampleVault.OpenAsync(_sample.Image.Without(pack));
            var expected = _sample.Map.Affected(_sample.Map.Lost((name, _) => name == pack));
            var result = await SampleVault.VerifyAsync(vault, allData);
            Assert.Equal(VaultMap.Show(expected), VaultMap.Show(VaultMap.AffectedBy(result)));
            Assert.Equal(expected.Count == 0, result.IsSound);
            Assert.All(result.Damages, damage => Assert.Equal(pack, damage.ObjectName));
            await _sample.AssertRestoresAsync(vault, expected);
        }
    }

    [Fact]
    public async Task Packs_whose_contents_were_exchanged_are_both_found()
    {
        var packs = _sample.Map.Packs.Keys.ToList();
        for (var i = 1; i < packs.Count; i++)
        {
            var (one, other) = (packs[i - 1], packs[i]);
            await using var vault = await SampleVault.OpenAsync(_sample.Image.Swap(one, other));
            var expected = _sample.Map.Affected(_sample.Map.Lost((name, _) => name == one || name == other));
            var result = await SampleVault.VerifyAsync(vault);
            Assert.Contains(result.Damages, damage => damage.ObjectName == one);
            Assert.Contains(result.Damages, damage => damage.ObjectName == other);
            Assert.Equal(VaultMap.Show(expected), VaultMap.Show(VaultMap.AffectedBy(result)));
            await _sample.AssertRestoresAsync(vault, expected);
        }
    }

    [Fact]
    public async Task Blobs_that_changed_places_within_a_pack_are_found()
    {
        var tried = 0;
        foreach (var (pack, entries) in _sample.Map.Packs)
            foreach (var pair in entries.GroupBy(entry => entry.Length).Where(group => group.Count() > 1).Select(group =>
                group.Take(2).ToArray()))
            {
                tried++;
                var content = _sample.Image[pack].ToArray();
                var (one, other) = (pair[0], pair[1]);
                _sample.Image[pack].AsSpan((int)one.Offset, (int)one.Length).CopyTo(content.AsSpan((int)other.Offset));
                _sample.Image[pack].AsSpan((int)other.Offset, (int)other.Length).CopyTo(content.AsSpan((int)one.Offset));
                await AssertFoundAsync(_sample.Image.With(pack, content), pack,
                    (name, blob) => name == pack && (blob == one || blob == other));
            }
        Assert.True(tried > 2, $"{tried} pairs");
    }

    [Fact]
    public async Task A_blob_that_was_overwritten_with_another_packs_is_found()
    {
        var random = new Random(4);
        var all = _sample.Map.Packs.SelectMany(pack => pack.Value.Select(entry => (pack.Key, Entry: entry))).ToList();
        var tried = 0;
        foreach (var group in all.GroupBy(item => item.Entry.Length).Where(group =>
            group.Select(item => item.Key).Distinct().Count() > 1).Take(10))
        {
            var victim = group.First();
            var donor = group.First(item => item.Key != victim.Key);
            if (victim.Entry.Id == donor.Entry.Id) continue;
            tried++;
            var content = _sample.Image[victim.Key].ToArray();
            _sample.Image[donor.Key].AsSpan((int)donor.Entry.Offset, (int)donor.Entry.Length)
                .CopyTo(content.AsSpan((int)victim.Entry.Offset));
            await AssertFoundAsync(_sample.Image.With(victim.Key, content), victim.Key,
                (name, blob) => name == victim.Key && blob == victim.Entry);
        }
        Assert.True(tried > 0);
    }

    [Fact]
    public async Task Bytes_between_the_last_blob_and_the_footer_are_found()
    {
        var (pack, entries) = _sample.Map.Packs.First();
        var content = _sample.Image[pack];
        var end = (int)(entries[^1].Offset + entries[^1].Length);
        await AssertFoundAsync(_sample.Image.With(pack, [.. content[..end], 1, 2, 3, .. content[end..]]), pack, (_, _) => false);
    }

    [Fact]
    public async Task Several_damages_at_once_are_each_named()
    {
        var random = new Random(5);
        var image = _sample.Image;
        HashSet<(string, PackEntry)> spoilt = [];
        foreach (var (pack, entries) in _sample.Map.Packs)
        {
            var entry = entries[random.Next(entries.Length)];
            spoilt.Add((pack, entry));
            image = image.Flip(pack, (int)entry.Offset + random.Next((int)entry.Length));
        }
        await using var vault = await SampleVault.OpenAsync(image);
        var result = await SampleVault.VerifyAsync(vault);
        var expected = _sample.Map.Affected(_sample.Map.Lost((name, blob) => spoilt.Contains((name, blob))));
        Assert.Equal(_sample.Map.Packs.Keys.Order(StringComparer.Ordinal), result.Damages.Select(damage => damage.ObjectName));
        Assert.Equal(VaultMap.Show(expected), VaultMap.Show(VaultMap.AffectedBy(result)));
        await _sample.AssertRestoresAsync(vault, expected);
    }

    [Fact]
    public async Task Every_chunk_is_read_once_however_many_points_share_it()
    {
        CountingStore? counting = null;
        await using var vault = await SampleVault.OpenAsync(_sample.Image, store => counting = new(store));
        var result = await SampleVault.VerifyAsync(vault);
        Assert.True(result.IsSound);
        var needed = _sample.Map.Needs.Values.SelectMany(needs => needs).Where(need => !need.IsNode).Select(need => need.Id).ToList();
        Assert.True(needed.Count > needed.Distinct().Count() * 3 / 2, "points share chunks");
        foreach (var (pack, entries) in _sample.Map.Packs)
            foreach (var entry in entries.Where(entry => !entry.Shape.IsNode))
                Assert.Single(counting!.Reads, read => read.Name == pack
                    && read.Offset < entry.Offset + entry.Length && entry.Offset < read.Offset + read.Length);
    }

    private async Task AssertFoundAsync(StoreImage damaged, string pack, Func<string, PackEntry, bool> isSpoilt)
    {
        await using var vault = await SampleVault.OpenAsync(damaged);
        var expected = _sample.Map.Affected(_sample.Map.Lost(isSpoilt));
        var result = await SampleVault.VerifyAsync(vault);
        Assert.True(result.Complete);
        var damage = Assert.Single(result.Damages);
        Assert.Equal(pack, damage.ObjectName);
        Assert.Equal(DamageKind.Pack, damage.Kind);
        Assert.Equal(VaultMap.Show(expected), VaultMap.Show(VaultMap.AffectedBy(result)));
        await _sample.AssertRestoresAsync(vault, expected);
    }

    private static bool IsOfNodes(PackEntry[] entries) => entries.All(entry => entry.Shape.IsNode);

    private static IEnumerable<PackEntry> Some(Random random, PackEntry[] entries)
    {
        var chosen = entries.ToArray();
        random.Shuffle(chosen);
        return chosen.Take(BlobsPerPack);
    }
}
