using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Tests;

public abstract partial class VolumeStorageConformance
{
    static readonly RestoreNote s_note =
        new(new string('a', 64), new(2026, 3, 29, 1, 30, 0, TimeSpan.Zero), "safety-20260329-013000-0123abcd");

    /// <summary>Whether an instant is told from another that gets its name.</summary>
    protected virtual bool TellsInstantsApart => true;

    [Fact]
    public async Task A_note_of_a_restore_stays_until_it_is_taken_away()
    {
        VolumeId volume = await CreateAsync("noted"), beside = await CreateAsync("beside");
        await using var other = await OpenAsync();
        Assert.Null(await Storage.FindRestoreNoteAsync(volume, Token));
        Assert.Null(await Storage.FindRestoreNoteAsync(Volume("never"), Token));
        await using (var writer = await Storage.OpenWriterAsync(volume, new() { TakesOver = true }, Token))
        {
            await writer.NoteRestoreAsync(s_note with { SafetySnapshot = null }, Token);
            await writer.NoteRestoreAsync(s_note, Token);
            Assert.Equal(s_note, await other.FindRestoreNoteAsync(volume, Token));
        }
        // Others write, take over, and take snapshots: none of that makes the volume whole.
        await using (await other.OpenWriterAsync(volume, new() { TakesOver = true, Claim = "other" }, Token)) { }
        await other.Snapshots.TakeAsync(Named("instant"), [volume], Token);
        Assert.Equal(s_note, await Storage.FindRestoreNoteAsync(volume, Token));
        Assert.Null(await Storage.FindRestoreNoteAsync(beside, Token));
        await using (var writer = await Storage.OpenWriterAsync(volume, new(), Token))
        {
            await writer.NoteRestoreAsync(null, Token);
            await writer.NoteRestoreAsync(null, Token);
        }
        Assert.Null(await other.FindRestoreNoteAsync(volume, Token));
    }

    [Fact]
    public async Task Whoever_is_shut_out_changes_no_note()
    {
        var volume = await CreateAsync("noted");
        await using var other = await OpenAsync();
        var late = await Storage.OpenWriterAsync(volume, new() { TakesOver = true }, Token);
        await using (var heir = await other.OpenWriterAsync(volume, new() { TakesOver = true }, Token))
        {
            Assert.Equal(CloudFailure.InUse, await FailureOf(() => late.NoteRestoreAsync(s_note, Token)));
            await heir.NoteRestoreAsync(s_note, Token);
            Assert.Equal(CloudFailure.InUse, await FailureOf(() => late.NoteRestoreAsync(null, Token)));
        }
        await late.DisposeAsync();
        Assert.Equal(s_note, await other.FindRestoreNoteAsync(volume, Token));
    }

    static RestoreNote NoteOfRollBack(string name) => new(name, s_note.Since, name, IsRollBack: true, NewestWhole: name);

    [Theory]
    [InlineData(2)]
    [InlineData(1)]
    public async Task A_roll_back_leaves_its_note_with_each_volume_that_has_none(int rolledBack)
    {
        VolumeId[] volumes = [await CreateAsync("one"), await CreateAsync("two")];
        await Snapshots.TakeAsync(Named("instant-1"), volumes, Token);
        var note = NoteOfRollBack(Named("instant-1"));
        await Snapshots.RollBackAsync(Named("instant-1"), volumes[..rolledBack], Token, note);
        RestoreNote?[] expected = [note, rolledBack > 1 ? note : null];
        for (var i = 0; i < volumes.Length; i++) Assert.Equal(expected[i], await Storage.FindRestoreNoteAsync(volumes[i], Token));

        // What is half written already is so by whoever wrote first.
        await using (var writer = await Storage.OpenWriterAsync(volumes[0], new() { TakesOver = true }, Token))
            await writer.NoteRestoreAsync(s_note, Token);
        await Snapshots.RollBackAsync(Named("instant-1"), volumes, Token, note);
        Assert.Equal(s_note, await Storage.FindRestoreNoteAsync(volumes[0], Token));
        Assert.Equal(note, await Storage.FindRestoreNoteAsync(volumes[1], Token));
    }

    [Fact]
    public async Task A_roll_back_that_is_refused_leaves_no_note()
    {
        VolumeId[] volumes = [await CreateAsync("one"), await CreateAsync("two")];
        await Snapshots.TakeAsync(Named("instant-1"), volumes, Token);
        await using (await Storage.OpenWriterAsync(volumes[1], new(), Token))
            Assert.Equal(CloudFailure.InUse, await FailureOf(() => Snapshots.RollBackAsync(
                Named("instant-1"), volumes, Token, NoteOfRollBack(Named("instant-1")))));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Snapshots.RollBackAsync(
            Named("instant-2"), volumes, Token, NoteOfRollBack(Named("instant-2")))));
        foreach (var volume in volumes) Assert.Null(await Storage.FindRestoreNoteAsync(volume, Token));
    }

    [Fact]
    public async Task A_note_goes_with_its_volume()
    {
        var volume = await CreateAsync("noted");
        await using (var writer = await Storage.OpenWriterAsync(volume, new(), Token)) await writer.NoteRestoreAsync(s_note, Token);
        await Storage.RemoveAsync(volume, Token);
        Assert.Null(await Storage.FindRestoreNoteAsync(volume, Token));
        await Storage.CreateAsync(volume, Length, Token);
        Assert.Null(await Storage.FindRestoreNoteAsync(volume, Token));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task An_instant_that_is_taken_anew_under_the_same_name_is_another(int count)
    {
        Assert.SkipUnless(TellsInstantsApart, "nobody can tell here");
        VolumeId[] volumes = [.. await Task.WhenAll(Enumerable.Range(0, count).Select(i => CreateAsync($"volume-{i}")))];
        await using var other = await OpenAsync();
        Assert.Null(await Snapshots.FindIdentityAsync(Named("instant"), volumes[0], Token));
        await Snapshots.TakeAsync(Named("instant"), volumes, Token);
        var first = await Snapshots.FindIdentityAsync(Named("instant"), volumes[0], Token);
        Assert.NotNull(first);
        await other.Snapshots.TakeAsync(Named("instant"), volumes, Token);
        Assert.Equal(first, await other.Snapshots.FindIdentityAsync(Named("instant"), volumes[0], Token));
        await Snapshots.RemoveAsync(Named("instant"), volumes, Token);
        Assert.Null(await other.Snapshots.FindIdentityAsync(Named("instant"), volumes[0], Token));
        await Snapshots.TakeAsync(Named("instant"), volumes, Token);
        Assert.NotEqual(first, await other.Snapshots.FindIdentityAsync(Named("instant"), volumes[0], Token));
    }
}
