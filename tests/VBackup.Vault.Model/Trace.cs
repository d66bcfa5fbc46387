using System.Runtime.InteropServices;
using System.Text;

namespace VBackup.Vault.Model;

/// <summary>Says in words which step leads from one state to another, and what it changed.</summary>
sealed class Trace : Moves
{
    State _wanted;
    string? _found;

    public static string Describe(Scenario scenario, State from, State to)
    {
        var trace = new Trace { _wanted = to };
        foreach (var actor in scenario.Actors)
        {
            actor.Act(in from, trace);
            if (trace._found is null) continue;
            var step = actor.StepIn(in from);
            return $"{trace._found}{Seen(actor, from, to, step)}{Changes(from.World, to.World)}";
        }

        return "?";
    }

    protected override void Take(in State to, Actor actor)
    {
        if (_found is not null) return;
        var here = MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(in to, 1));
        var wanted = MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(in _wanted, 1));
        if (!here.SequenceEqual(wanted)) return;
        _found = actor.Name;
    }

    static string Seen(Actor actor, in State from, in State to, Step step)
    {
        var before = from.Locals[actor.Place];
        var after = to.Locals[actor.Place];
        var text = new StringBuilder($" {step}");
        if (step.Listing() != Listing.None) text.Append($" (must {before.Must:X}, may {before.May:X})");
        Note(text, "live", before.Live, after.Live);
        Note(text, "condemned", before.Condemned, after.Condemned);
        Note(text, "index", before.Index, after.Index);
        Note(text, "packs", before.Packs, after.Packs);
        Note(text, "points", before.Points, after.Points);
        Note(text, "decided", before.Decided, after.Decided);
        Note(text, "sessions", before.Sessions, after.Sessions);
        Note(text, "kill", before.Kill, after.Kill);
        Note(text, "have", before.Have, after.Have);
        Note(text, "pending", before.Pending, after.Pending);
        return text.Append($" → {actor.StepIn(in to)}").ToString();
    }

    static void Note(StringBuilder text, string what, byte before, byte after)
    {
        if (before != after) text.Append($" {what}={after:X}");
    }

    static string Changes(World before, World after)
    {
        var text = new StringBuilder();
        Note(text, "PACKS", before.Packs, after.Packs);
        Note(text, "INDEX", before.Index, after.Index);
        Note(text, "POINTS", before.Points, after.Points);
        Note(text, "REGISTERED", before.Registered, after.Registered);
        Note(text, "CONDEMNATIONS", before.Condemnations, after.Condemnations);
        Note(text, "SUCCEEDED", before.Succeeded, after.Succeeded);
        for (var k = 0; k < 8; k++)
        {
            Note(text, $"PACK{k}", before.Chunks[k], after.Chunks[k]);
            Note(text, $"INDEX{k}", before.Entries[k], after.Entries[k]);
        }

        for (var k = 0; k < 4; k++)
        {
            Note(text, $"CONDEMNED{k}", before.Condemned[k], after.Condemned[k]);
            if (before.Sessions[k] != after.Sessions[k]) text.Append($" SESSION{k}={(SessionBits)after.Sessions[k]}");
        }

        return text.Length == 0 ? "" : $"   ⇒{text}";
    }
}
