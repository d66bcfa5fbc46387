using System.Text;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Tests;

public sealed class RestoreNoteTests
{
    static readonly RestoreNote s_note = new("ab12", new(2026, 3, 29, 1, 30, 0, TimeSpan.Zero), "safety-1");

    /// <summary>It lies on storages, and later versions read it.</summary>
    [Theory]
    [InlineData("safety-1", """{"version":1,"point":"ab12","since":"2026-03-29T01:30:00+00:00","safetySnapshot":"safety-1"}""")]
    [InlineData(null, """{"version":1,"point":"ab12","since":"2026-03-29T01:30:00+00:00","safetySnapshot":null}""")]
    public void What_is_kept_is_frozen(string? safety, string text)
    {
        var note = s_note with { SafetySnapshot = safety };
        Assert.Equal(text, note.ToText());
        Assert.Equal(note, RestoreNote.Parse(text, "volume"));
    }

    /// <summary>Earlier versions take it for a restore's.</summary>
    [Fact]
    public void What_is_kept_of_a_roll_back_is_frozen()
    {
        var note = new RestoreNote("before", s_note.Since, "before", IsRollBack: true, NewestWhole: "safety-1");
        Assert.Equal("""{"version":1,"point":"before","since":"2026-03-29T01:30:00+00:00","safety"""
            + """Snapshot":"before","isRollBack":true,"newestWhole":"safety-1"}""", note.ToText());
        Assert.Equal(note, RestoreNote.Parse(note.ToText(), "volume"));
    }

    [Fact]
    public void The_longest_names_fit_into_what_a_storage_keeps()
    {
        var note = s_note with { Point = new('a', 128), SafetySnapshot = new('s', 50), IsRollBack = true, NewestWhole = new('n', 50) };
        Assert.InRange(Encoding.UTF8.GetByteCount(note.ToText()), 1, RestoreNote.TextBytesMax);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void Nothing_is_no_note(string? text) => Assert.Null(RestoreNote.Parse(text, "volume"));

    [Theory]
    [InlineData("null", CloudFailure.Other)]
    [InlineData("{", CloudFailure.Other)]
    [InlineData("""{"version":1,"point":null,"since":"2026-03-29T01:30:00+00:00","safetySnapshot":null}""", CloudFailure.Other)]
    [InlineData("""{"version":2,"point":"ab12","since":"2026-03-29T01:30:00+00:00","safetySnapshot":null}""", CloudFailure.NotSupported)]
    public void What_makes_no_sense_is_not_taken_for_nothing(string text, CloudFailure failure)
    {
        var refusal = Assert.Throws<CloudException>(() => RestoreNote.Parse(text, "pool/volume"));
        Assert.Equal(failure, refusal.Failure);
        Assert.Contains("pool/volume", refusal.Message, StringComparison.Ordinal);
    }
}
