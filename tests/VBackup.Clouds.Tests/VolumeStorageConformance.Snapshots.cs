using VBackup.Clouds.Lab;
using VBackup.Clouds.Snapshots;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Tests;

public abstract partial class VolumeStorageConformance
{
    /// <summary>How many instants are taken under a running journal.</summary>
    protected virtual int InstantsUnderJournal => 25;

    /// <summary>Whether an instant can be taken while somebody writes through this storage; else it is refused.</summary>
    protected virtual bool TakesInstantsUnderWriters => true;

    [Fact]
    public async Task An_instant_of_one_volume_stays_what_it_was()
    {
        var volume = await CreateAsync("alone");
        await WriteAsync(volume, 0, Bytes(Length, seed: 1));
        var taken = await Snapshots.TakeAsync(Named("instant-1"), [volume], Token);
        await WriteAsync(volume, 1_000_000, Bytes(2_000_000, seed: 2));
        await ZeroAsync(volume, new(5_000_000, 3_000_000));

        Assert.Equal(Named("instant-1"), taken.Name);
        Assert.True(taken.IsComplete);
        Assert.Equal([volume], taken.Volumes);
        AssertSame(Bytes(Length, seed: 1), await ReadAsync(Named("instant-1"), volume));
    }

    [Fact]
    public async Task An_instant_of_several_volumes_holds_each_of_them()
    {
        VolumeId[] volumes = [await CreateAsync("one"), await CreateAsync("two", 70_144), await CreateAsync("three", 4096)];
        for (var i = 0; i < volumes.Length; i++) await WriteAsync(volumes[i], i, Bytes(4000, seed: i + 1));
        var taken = await Snapshots.TakeAsync(Named("instant-1"), volumes, Token);
        foreach (var volume in volumes) await ZeroAsync(volume, new(0, 4096));

        Assert.Equal(InstantKind.Group, taken.Kind);
        Assert.True(taken.IsComplete);
        Assert.Equal(volumes.ToHashSet(), taken.Volumes.ToHashSet());
        for (var i = 0; i < volumes.Length; i++)
            AssertSame(Bytes(4000, seed: i + 1), (await ReadAsync(Named("instant-1"), volumes[i])).AsMemory(i, 4000));
    }

    [Fact]
    public async Task Taking_an_instant_that_is_there_leaves_it_as_it_is()
    {
        VolumeId[] volumes = [await CreateAsync("one"), await CreateAsync("two")];
        var taken = await Snapshots.TakeAsync(Named("instant-1"), volumes, Token);
        await WriteAsync(volumes[0], 0, Bytes(4096));
        var again = await Snapshots.TakeAsync(Named("instant-1"), [volumes[1], volumes[0]], Token);

        Assert.Equal((taken.Name, taken.Kind, taken.TakenAt, true), (again.Name, again.Kind, again.TakenAt, again.IsComplete));
        Assert.Single(await Snapshots.ListAsync(volumes, Token));
        AssertSame(new byte[Length], await ReadAsync(Named("instant-1"), volumes[0]));
    }

    [Fact]
    public async Task A_name_that_belongs_to_other_volumes_is_refused()
    {
        VolumeId[] volumes = [await CreateAsync("one"), await CreateAsync("two"), await CreateAsync("three")];
        await Snapshots.TakeAsync(Named("instant-1"), volumes[..2], Token);
        Assert.Equal(CloudFailure.Exists, await FailureOf(() => Snapshots.TakeAsync(Named("instant-1"), volumes, Token)));
        Assert.Equal(CloudFailure.Exists, await FailureOf(() => Snapshots.TakeAsync(Named("instant-1"), volumes[1..], Token)));
        var found = Assert.Single(await Snapshots.ListAsync(volumes, Token));
        Assert.Equal(volumes[..2].ToHashSet(), found.Volumes.ToHashSet());
    }

    [Theory]
    [InlineData("")]
    [InlineData("four")]
    [InlineData("123456789-123456789-123456789-123456789-123456789-x")]
    [InlineData("with space")]
    [InlineData("slash/ed")]
    [InlineData("dot.ted")]
    [InlineData("../upwards")]
    [InlineData("at@sign")]
    [InlineData("ümlaute")]
    public async Task Names_that_no_snapshot_may_have_are_refused(string name)
    {
        var volume = await CreateAsync("picky");
        await Assert.ThrowsAsync<CloudException>(() => Snapshots.TakeAsync(name, [volume], Token));
        Assert.Empty(await Snapshots.ListAsync([volume], Token));
    }

    [Fact]
    public async Task The_shortest_and_the_longest_name_are_taken()
    {
        var volume = await CreateAsync("lenient");
        string[] names = [Named("a_B-9"), "Z23456789-123456789-123456789-123456789-123456789_"];
        foreach (var name in names) await Snapshots.TakeAsync(name, [volume], Token);
        Assert.Equal(names, (await Snapshots.ListAsync([volume], Token)).Select(instant => instant.Name));
    }

    [Fact]
    public async Task An_instant_of_a_missing_volume_is_refused_and_leaves_nothing()
    {
        var volume = await CreateAsync("there");
        Assert.Equal(
            CloudFailure.NotFound, await FailureOf(() => Snapshots.TakeAsync(Named("instant-1"), [volume, Volume("nowhere")], Token)));
        Assert.Empty(await Snapshots.ListAsync([volume], Token));
        await Snapshots.TakeAsync(Named("instant-1"), [volume], Token);
    }

    [Fact]
    public async Task Instants_are_listed_oldest_first_and_only_those_of_the_volumes()
    {
        VolumeId one = await CreateAsync("one"), two = await CreateAsync("two"), none = await CreateAsync("none");
        await Snapshots.TakeAsync(Named("z-first"), [one], Token);
        await Snapshots.TakeAsync(Named("m-second"), [two], Token);
        await Snapshots.TakeAsync(Named("a-third"), [one, two], Token);
        await Snapshots.TakeAsync(Named("k-fourth"), [one], Token);

        Assert.Equal(["z-first", "a-third", "k-fourth"], await NamesAsync(one));
        Assert.Equal(["m-second", "a-third"], await NamesAsync(two));
        Assert.Equal(["z-first", "m-second", "a-third", "k-fourth"], await NamesAsync(one, two));
        Assert.Empty(await NamesAsync(none));
        Assert.Empty(await NamesAsync(Volume("nowhere")));

        async Task<string[]> NamesAsync(params VolumeId[] volumes)
        {
            var found = await Snapshots.ListAsync(volumes, Token);
            Assert.Equal(found.Select(instant => instant.TakenAt).Order(), found.Select(instant => instant.TakenAt));
            string[] known = ["z-first", "m-second", "a-third", "k-fourth"];
            return [.. found.Select(instant => known.Single(name => Named(name) == instant.Name))];
        }
    }

    [Fact]
    public async Task Removing_an_instant_can_be_repeated_and_leaves_the_others()
    {
        VolumeId[] volumes = [await CreateAsync("one"), await CreateAsync("two")];
        await Snapshots.TakeAsync(Named("instant-1"), volumes, Token);
        await WriteAsync(volumes[0], 0, Bytes(4096));
        await Snapshots.TakeAsync(Named("instant-2"), volumes, Token);
        await Snapshots.RemoveAsync(Named("instant-1"), volumes, Token);
        await Snapshots.RemoveAsync(Named("instant-1"), volumes, Token);
        await Snapshots.RemoveAsync(Named("never-taken"), volumes, Token);

        Assert.Equal(Named("instant-2"), Assert.Single(await Snapshots.ListAsync(volumes, Token)).Name);
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Snapshots.OpenAsync(Named("instant-1"), volumes[0], Token)));
        AssertSame(Bytes(4096), (await ReadAsync(Named("instant-2"), volumes[0])).AsMemory(0, 4096));
    }

    [Fact]
    public async Task A_removed_instants_name_can_be_given_again()
    {
        var volume = await CreateAsync("again");
        await Snapshots.TakeAsync(Named("instant-1"), [volume], Token);
        await Snapshots.RemoveAsync(Named("instant-1"), [volume], Token);
        await WriteAsync(volume, 0, Bytes(4096));
        await Snapshots.TakeAsync(Named("instant-1"), [volume], Token);
        AssertSame(Bytes(4096), (await ReadAsync(Named("instant-1"), volume)).AsMemory(0, 4096));
    }

    [Fact]
    public async Task What_is_in_no_instant_is_not_opened()
    {
        VolumeId one = await CreateAsync("one"), two = await CreateAsync("two");
        await Snapshots.TakeAsync(Named("instant-1"), [one], Token);
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Snapshots.OpenAsync(Named("instant-2"), one, Token)));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Snapshots.OpenAsync(Named("instant-1"), two, Token)));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Snapshots.OpenAsync(Named("instant-1"), Volume("nowhere"), Token)));
    }

    [Fact]
    public async Task A_half_taken_instant_can_be_removed_and_nothing_else()
    {
        VolumeId[] volumes = [await CreateAsync("one"), await CreateAsync("two")];
        await WriteAsync(volumes[0], 0, Bytes(4096));
        await LeaveHalfTakenAsync(Named("instant-1"), volumes);

        var half = Assert.Single(await Snapshots.ListAsync(volumes, Token));
        Assert.Equal((Named("instant-1"), false), (half.Name, half.IsComplete));
        await Assert.ThrowsAsync<CloudException>(() => Snapshots.RollBackAsync(Named("instant-1"), volumes, Token));
        AssertSame(Bytes(4096), (await ReadAsync(volumes[0])).AsMemory(0, 4096));

        await Snapshots.RemoveAsync(Named("instant-1"), volumes, Token);
        Assert.Empty(await Snapshots.ListAsync(volumes, Token));
        Assert.True((await Snapshots.TakeAsync(Named("instant-1"), volumes, Token)).IsComplete);
        AssertSame(Bytes(4096), (await ReadAsync(Named("instant-1"), volumes[0])).AsMemory(0, 4096));
    }

    [Fact]
    public async Task Rolling_back_restores_all_volumes_and_keeps_the_instants()
    {
        VolumeId[] volumes = [await CreateAsync("one"), await CreateAsync("two")];
        foreach (var volume in volumes) await WriteAsync(volume, 0, Bytes(Length, seed: 1));
        await Snapshots.TakeAsync(Named("instant-1"), volumes, Token);
        foreach (var volume in volumes) await WriteAsync(volume, 3_000_001, Bytes(4_000_000, seed: 2));
        await Snapshots.TakeAsync(Named("instant-2"), volumes, Token);
        var later = await ReadAsync(volumes[0]);

        // Twice: a roll back that was interrupted is done again.
        for (var i = 0; i < 2; i++)
        {
            await Snapshots.RollBackAsync(Named("instant-1"), volumes, Token);
            foreach (var volume in volumes) AssertSame(Bytes(Length, seed: 1), await ReadAsync(volume));
        }
        Assert.Equal(2, (await Snapshots.ListAsync(volumes, Token)).Count(instant => instant.IsComplete));
        AssertSame(later, await ReadAsync(Named("instant-2"), volumes[0]));
        await Snapshots.RollBackAsync(Named("instant-2"), volumes, Token);
        AssertSame(later, await ReadAsync(volumes[1]));
    }

    [Fact]
    public async Task One_volume_of_an_instant_can_be_rolled_back_alone()
    {
        VolumeId[] volumes = [await CreateAsync("one"), await CreateAsync("two")];
        await Snapshots.TakeAsync(Named("instant-1"), volumes, Token);
        foreach (var volume in volumes) await WriteAsync(volume, 0, Bytes(4096));
        await Snapshots.RollBackAsync(Named("instant-1"), [volumes[0]], Token);
        AssertSame(new byte[4096], (await ReadAsync(volumes[0])).AsMemory(0, 4096));
        AssertSame(Bytes(4096), (await ReadAsync(volumes[1])).AsMemory(0, 4096));
    }

    [Fact]
    public async Task Rolling_back_gives_a_volume_the_length_that_it_had()
    {
        var volume = await CreateAsync("resized");
        await WriteAsync(volume, Length - 4096, Bytes(4096));
        await Snapshots.TakeAsync(Named("instant-1"), [volume], Token);
        foreach (var length in (long[])[4096, Length + 1_000_448])
        {
            await Storage.ResizeAsync(volume, length, Token);
            await Snapshots.RollBackAsync(Named("instant-1"), [volume], Token);
            Assert.Equal(Length, await Storage.FindLengthAsync(volume, Token));
            AssertSame(Bytes(4096), (await ReadAsync(volume)).AsMemory(Length - 4096));
        }
    }

    [Fact]
    public async Task A_volume_that_is_being_written_is_not_rolled_back()
    {
        VolumeId[] volumes = [await CreateAsync("one"), await CreateAsync("two")];
        await Snapshots.TakeAsync(Named("instant-1"), volumes, Token);
        await WriteAsync(volumes[0], 0, Bytes(4096));
        await using (var writer = await Storage.OpenWriterAsync(volumes[1], new(), Token))
        {
            await writer.WriteAsync(0, Bytes(4096), Token);
            Assert.Equal(CloudFailure.InUse, await FailureOf(() => Snapshots.RollBackAsync(Named("instant-1"), volumes, Token)));
            await writer.FlushAsync(Token);
        }
        foreach (var volume in volumes) AssertSame(Bytes(4096), (await ReadAsync(volume)).AsMemory(0, 4096));
    }

    [Fact]
    public async Task Rolling_back_to_an_instant_that_is_not_there_is_refused()
    {
        var volume = await CreateAsync("lost");
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Snapshots.RollBackAsync(Named("instant-1"), [volume], Token)));
    }

    [Fact]
    public async Task Instants_of_two_volumes_under_a_running_journal_are_in_order()
    {
        Assert.SkipUnless(TakesInstantsUnderWriters, "only a running server's writes are held still here");
        VolumeId[] volumes = [await CreateAsync("first"), await CreateAsync("second")];
        await using var journal = await RunningJournal.StartAsync(OpenAsServerAsync, volumes[0], volumes[1], Token);
        await using var other = await OpenAsync();
        long before = 0;
        for (var i = 0; i < InstantsUnderJournal; i++)
        {
            var name = Named($"under-{i}");
            await journal.ReachAsync(before + 1, Token);
            Assert.True((await other.Snapshots.TakeAsync(name, volumes, Token)).IsComplete);
            var verdict = await CheckAsync(other, (name, volumes[0]), (name, volumes[1]));
            Assert.True(verdict.IsInOrder, verdict.Fault);
            Assert.True(verdict.LastOfFirst > before, "the journal was not written between two instants");
            before = verdict.LastOfFirst;
            await other.Snapshots.RemoveAsync(name, volumes, Token);
        }
        Assert.False(journal.Ended.IsCompleted);
    }

    [Fact]
    public async Task Two_volumes_caught_one_after_the_other_under_a_running_journal_are_out_of_order()
    {
        Assert.SkipUnless(TakesInstantsUnderWriters, "only a running server's writes are held still here");
        VolumeId[] volumes = [await CreateAsync("first"), await CreateAsync("second")];
        await using var journal = await RunningJournal.StartAsync(OpenAsServerAsync, volumes[0], volumes[1], Token);
        await using var other = await OpenAsync();
        await journal.ReachAsync(3, Token);
        await other.Snapshots.TakeAsync(Named("skewed-1"), [volumes[0]], Token);
        await journal.ReachAsync(journal.Written + 2, Token);
        await other.Snapshots.TakeAsync(Named("skewed-2"), [volumes[1]], Token);

        var verdict = await CheckAsync(other, (Named("skewed-1"), volumes[0]), (Named("skewed-2"), volumes[1]));
        Assert.False(verdict.IsInOrder);
        Assert.True(verdict.LastOfSecond > verdict.LastOfFirst);
    }

    [Fact]
    public async Task An_instant_is_refused_where_writers_cannot_be_held_still()
    {
        Assert.SkipWhen(TakesInstantsUnderWriters, "writers are held still here");
        VolumeId[] volumes = [await CreateAsync("one"), await CreateAsync("two")];
        await using var writer = await Storage.OpenWriterAsync(volumes[1], new(), Token);
        Assert.Equal(CloudFailure.InUse, await FailureOf(() => Snapshots.TakeAsync(Named("instant-1"), volumes, Token)));
        Assert.Empty(await Snapshots.ListAsync(volumes, Token));
    }

    static async Task<JournalVerdict> CheckAsync(
        IVolumeStorage storage, (string Instant, VolumeId Volume) first, (string Instant, VolumeId Volume) second)
    {
        await using var left = await storage.Snapshots.OpenAsync(first.Instant, first.Volume, Token);
        await using var right = await storage.Snapshots.OpenAsync(second.Instant, second.Volume, Token);
        return await JournalCheck.OfAsync(left, right, Token);
    }
}
