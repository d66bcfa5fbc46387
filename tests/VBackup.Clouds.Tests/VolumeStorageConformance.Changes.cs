using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using VBackup.Primitives;
using Xunit;

namespace VBackup.Clouds.Tests;

public abstract partial class VolumeStorageConformance
{
    /// <summary>How many instants of each random history are compared with all before them.</summary>
    protected virtual int ChangeRounds => 8;

    /// <summary>Which instants of one round may be asked for changes from; the fewest is the one just before.</summary>
    protected virtual bool KnowsChangesSinceAllInstants => true;

    /// <summary>Whether changes between two instants are told at all of volumes that no server has.</summary>
    protected virtual bool TellsChanges => true;

    void SkipUnlessChangesAreTold() =>
        Assert.SkipUnless(TellsChanges, "changes are told here of running servers' volumes only");

    [Fact]
    public async Task Changes_are_told_and_what_did_not_change_is_not_all_told()
    {
        SkipUnlessChangesAreTold();
        var volume = await CreateAsync("changing");
        await WriteAsync(volume, 0, Bytes(Length, seed: 1));
        await Snapshots.TakeAsync(Named("instant-1"), [volume], Token);
        await WriteAsync(volume, 4_190_000, Bytes(10_000, seed: 2));
        await Snapshots.TakeAsync(Named("instant-2"), [volume], Token);

        var known = Assert.IsType<ChangeAnswer.Known>(
            await Snapshots.FindChangesAsync(volume, Named("instant-1"), Named("instant-2"), Token));
        var (before, after) = (await ReadAsync(Named("instant-1"), volume), await ReadAsync(Named("instant-2"), volume));
        AssertNothingMissed(before, after, known.Extents, "one write");
        Assert.True(known.Extents.TotalLength < Length, "everything is told as changed");
    }

    [Fact]
    public async Task Changes_until_an_instant_that_is_not_there_are_refused()
    {
        VolumeId one = await CreateAsync("one"), two = await CreateAsync("two");
        await Snapshots.TakeAsync(Named("instant-1"), [one], Token);
        await Snapshots.TakeAsync(Named("instant-2"), [two], Token);
        Assert.Equal(
            CloudFailure.NotFound, await FailureOf(() => Snapshots.FindChangesAsync(one, Named("instant-1"), Named("nowhere"), Token)));
        Assert.Equal(
            CloudFailure.NotFound, await FailureOf(() => Snapshots.FindChangesAsync(one, Named("instant-1"), Named("instant-2"), Token)));
    }

    /// <summary>What a roll back changed is a change as any.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Changes_by_a_roll_back_are_told_or_all_is_lost(bool isOfOne)
    {
        SkipUnlessChangesAreTold();
        VolumeId[] volumes = isOfOne ? [await CreateAsync("one")] : [await CreateAsync("one"), await CreateAsync("two")];
        foreach (var volume in volumes) await WriteAsync(volume, 0, Bytes(Length, seed: 1));
        await Snapshots.TakeAsync(Named("instant-1"), volumes, Token);
        foreach (var volume in volumes) await WriteAsync(volume, 4_190_000, Bytes(1_000_000, seed: 2));
        await Snapshots.TakeAsync(Named("instant-2"), volumes, Token);
        await Snapshots.RollBackAsync(Named("instant-1"), volumes, Token);
        foreach (var volume in volumes) await WriteAsync(volume, 100, Bytes(1000, seed: 3));
        await Snapshots.TakeAsync(Named("instant-3"), volumes, Token);
        foreach (var volume in volumes) await WriteAsync(volume, 2_000_000, Bytes(1000, seed: 4));
        await Snapshots.TakeAsync(Named("instant-4"), volumes, Token);
        foreach (var volume in volumes)
        {
            foreach (var from in (string[])["instant-1", "instant-2"])
            {
                if (await Snapshots.FindChangesAsync(volume, Named(from), Named("instant-3"), Token) is not ChangeAnswer.Known told)
                    continue;
                AssertNothingMissed(await ReadAsync(Named(from), volume), await ReadAsync(Named("instant-3"), volume), told.Extents, from);
            }
            // From there on all goes on as before.
            if (!KnowsChangesSinceAllInstants) continue;
            var known = Assert.IsType<ChangeAnswer.Known>(
                await Snapshots.FindChangesAsync(volume, Named("instant-3"), Named("instant-4"), Token));
            AssertNothingMissed(
                await ReadAsync(Named("instant-3"), volume), await ReadAsync(Named("instant-4"), volume), known.Extents,
                    "after the roll back");
        }
    }

    [Theory]
    [InlineData(2, 3)]
    [InlineData(3, 2)]
    public async Task A_base_of_other_volumes_is_not_in_the_way_of_an_instant(int before, int after)
    {
        SkipUnlessChangesAreTold();
        VolumeId[] all = [await CreateAsync("one"), await CreateAsync("two"), await CreateAsync("three")];
        foreach (var volume in all) await WriteAsync(volume, 0, Bytes(Length, seed: 1));
        await Snapshots.TakeAsync(Named("instant-1"), all[..before], Token);
        var was = await ReadAsync(all[0]);
        foreach (var volume in all) await WriteAsync(volume, 4_190_000, Bytes(10_000, seed: 2));
        // Twice, as after a run that failed.
        for (var i = 0; i < 2; i++) await Snapshots.ReduceToBasesAsync([Named("instant-0"), Named("instant-1")], all[..after], Token);
        Assert.True((await Snapshots.TakeAsync(Named("instant-2"), all[..after], Token)).IsComplete);
        if (await Snapshots.FindChangesAsync(all[0], Named("instant-1"), Named("instant-2"), Token) is ChangeAnswer.Known known)
            AssertNothingMissed(was, await ReadAsync(Named("instant-2"), all[0]), known.Extents, "another group");
        await Snapshots.RemoveAsync(Named("instant-1"), all, Token);
        await Snapshots.RemoveAsync(Named("instant-2"), all[..after], Token);
        Assert.Empty(await Snapshots.ListAsync(all, Token));
    }

    [Fact]
    public async Task Changes_since_an_instant_that_is_gone_are_lost()
    {
        var volume = await CreateAsync("forgetful");
        await Snapshots.TakeAsync(Named("instant-1"), [volume], Token);
        await Snapshots.TakeAsync(Named("instant-2"), [volume], Token);
        await Snapshots.RemoveAsync(Named("instant-1"), [volume], Token);
        Assert.IsType<ChangeAnswer.Lost>(await Snapshots.FindChangesAsync(volume, Named("instant-1"), Named("instant-2"), Token));
    }

    [Fact]
    public async Task After_a_roll_back_changes_are_told_or_lost_but_none_is_missed()
    {
        var volume = await CreateAsync("returning");
        await WriteAsync(volume, 0, Bytes(1_000_000, seed: 1));
        await Snapshots.TakeAsync(Named("instant-1"), [volume], Token);
        await WriteAsync(volume, 500_000, Bytes(1_000_000, seed: 2));
        await Snapshots.TakeAsync(Named("instant-2"), [volume], Token);
        await Snapshots.RollBackAsync(Named("instant-1"), [volume], Token);
        await WriteAsync(volume, 6_000_000, Bytes(100, seed: 3));
        await Snapshots.TakeAsync(Named("instant-3"), [volume], Token);

        var after = await ReadAsync(Named("instant-3"), volume);
        foreach (var from in (string[])["instant-1", "instant-2"])
        {
            if (await Snapshots.FindChangesAsync(volume, Named(from), Named("instant-3"), Token) is ChangeAnswer.Known known)
                AssertNothingMissed(await ReadAsync(Named(from), volume), after, known.Extents, from);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public async Task No_change_of_a_random_history_is_missed(int seed)
    {
        var random = new Random(seed);
        VolumeId[] volumes = [await CreateAsync("random"), await CreateAsync("beside")];
        var volume = volumes[0];
        var model = new byte[Length];
        List<(string Name, byte[] Content)> instants = [];
        for (var round = 0; round < ChangeRounds; round++)
        {
            var name = Named($"round-{round}");
            var because = $"seed {seed}, round {round}";
            model = await ChangeAsync(volume, model, random);
            await Snapshots.TakeAsync(name, volumes, Token);
            AssertSame(model, await ReadAsync(name, volume));
            foreach (var (from, content) in KnowsChangesSinceAllInstants ? instants : instants.TakeLast(1))
            {
                switch (await Snapshots.FindChangesAsync(volume, from, name, Token))
                {
                    case ChangeAnswer.Known known:
                        AssertNothingMissed(content, model, known.Extents, $"{because}, from {from}");
                        break;
                    case ChangeAnswer.Lost lost when TellsChanges:
                        // A volume that was resized in between becomes a full.
                        Assert.True(WasResizedSince(from), $"{because}, from {from}: {lost.Reason}");
                        break;
                }
            }
            instants.Add((name, model.ToArray()));
        }

        bool WasResizedSince(string from)
        {
            var later = instants.SkipWhile(instant => instant.Name != from).Select(instant => instant.Content.Length);
            return later.Append(model.Length).Distinct().Count() > 1;
        }
    }

    async Task<byte[]> ChangeAsync(VolumeId volume, byte[] model, Random random)
    {
        if (random.Next(5) == 0)
        {
            // Never below what makes the places of changes random; sectors of 512 bytes are the least that a disk has.
            var length = Length / 2 / 512 * 512 + random.Next(Length / 512) * 512;
            await Storage.ResizeAsync(volume, length, Token);
            Array.Resize(ref model, length);
        }
        await using var writer = await Storage.OpenWriterAsync(volume, new(), Token);
        for (var i = random.Next(6); i >= 0; i--)
        {
            var offset = random.Next(model.Length);
            var length = Math.Min(model.Length - offset, 1 + random.Next(random.Next(2) == 0 ? 5000 : 5_000_000));
            // Whole pieces of the storage are treated otherwise than parts of them.
            if (random.Next(4) == 0) (offset, length) = (0, Math.Min(model.Length, 4 * 1024 * 1024));
            var range = model.AsMemory(offset, length);
            if (random.Next(3) == 0)
            {
                range.Span.Clear();
                await writer.ZeroAsync(new(offset, length), Token);
            }
            else
            {
                if (random.Next(4) == 0) range.Span.Clear();
                else random.NextBytes(range.Span);
                await writer.WriteAsync(offset, range, Token);
            }
        }
        await writer.FlushAsync(Token);
        return model;
    }

    protected static void AssertNothingMissed(byte[] before, byte[] after, Extents told, string because)
    {
        var patched = new byte[after.Length];
        before.AsSpan(0, Math.Min(before.Length, after.Length)).CopyTo(patched);
        foreach (var extent in told.Ranges)
        {
            Assert.True(extent.End <= after.Length, $"{because}: {extent} reaches past the end");
            after.AsSpan((int)extent.Offset, (int)extent.Length).CopyTo(patched.AsSpan((int)extent.Offset));
        }
        var same = patched.AsSpan().CommonPrefixLength(after);
        Assert.True(same == after.Length, $"{because}: the change at {same} is in no extent");
    }
}
