using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup project-key</c>: what everything that the project stores is locked with. The services have it; <c>vbackup key</c> is
/// about vaults that are worked on without them.</summary>
static class ProjectKeys
{
    static readonly Option<string> s_yes = new("--yes-erase")
        { HelpName = "PROJECT", Description = "The project's name, in place of typing it: its points are gone for ever." };

    public static Command Define() => new("project-key", "Look at the key of the project, replace it, hand it out, erase it.")
    {
        PortalCall.Define("show", "Show what can be told of the key, and which vaults have still to hear of a change.", ShowAsync),
        PortalCall.Define("rotate", "Replace the key; vaults open with the new one from one to the next.", RotateAsync),
        PortalCall.Define("recovery", "Tell the key, to be printed and locked away: with it a lost system is built again.", HandOutAsync),
        PortalCall.Define("erase", "Erase the key for ever: nobody can restore the project's points any more.", EraseAsync, s_yes),
    };

    static async Task ShowAsync(PortalCall call)
    {
        var key = await GetAsync(call).ConfigureAwait(false);
        call.Screen.Event("key", key.Json);
        call.Screen.Line(TextOf(key.Value));
    }

    static async Task RotateAsync(PortalCall call)
    {
        // Of the key that was seen: whoever asks twice does not rotate twice.
        var before = await GetAsync(call).ConfigureAwait(false);
        var rotated = await call.Portal.PostAsync("key/rotate", before.Version, RemoteJson.Default.KeyView, call.Stop)
            .ConfigureAwait(false);
        call.Screen.Event("completed", rotated.Json);
        call.Screen.Line($"key {rotated.Value.Number} is made; vaults open with it from one to the next, and 'vbackup project-key show' "
            + "names those that have still to hear; keys that were handed out before open nothing then: hand out a new one");
    }

    static async Task HandOutAsync(PortalCall call)
    {
        var told = await call.Portal.PostAsync("key/recovery", version: null, RemoteJson.Default.RecoveryKeyView, call.Stop)
            .ConfigureAwait(false);
        // It ends with the key, as with a new token.
        call.Screen.Note(told.Value.Meaning);
        call.Screen.Event("completed", told.Json);
        call.Screen.Line(told.Value.RecoveryKey);
    }

    static async Task EraseAsync(PortalCall call)
    {
        var name = (await call.Portal.GetAsync("users/me", RemoteJson.Default.MeView, call.Stop).ConfigureAwait(false)).Value.ProjectName
            ?? throw new RefusedException("you are in no project: sign in with --project NAME");
        var typed = call.Get(s_yes) ?? await Question.AskAsync(
            $"this erases the key of project {name} for ever, and nobody can restore its points any more; type the project's name to do it",
            $"give --yes-erase {name}", call.Stop).ConfigureAwait(false);
        if (typed != name) throw new RefusedException($"the project is called {name}, and not '{typed}': nothing was erased");
        var erased = await call.Portal.SendAsync("key/erase", new(name), RemoteJson.Default.EraseBody, RemoteJson.Default.ErasedKeyView,
            call.Stop)
            .ConfigureAwait(false);
        call.Screen.Event("completed", erased.Json);
        call.Screen.Line($"key {erased.Value.Key.Number} of project {name} is erased; {erased.Value.Meaning}");
    }

    static Task<Told<KeyView>> GetAsync(PortalCall call) => call.Portal.GetAsync("key", RemoteJson.Default.KeyView, call.Stop);

    static string TextOf(KeyView key)
    {
        var facts = new FactSheet();
        facts.Add("key", key.Number == 0 ? "none yet: the first location makes it" : $"{key.Number}");
        facts.Add("state", key.State);
        facts.Add("made", key.MadeAt is { } made ? LocalTime.Text(made) : null);
        facts.Add("handed out", LocalTime.TextOrDash(key.HandedOutAt));
        facts.Add("erased", key.ErasedAt is { } erased ? LocalTime.Text(erased) : null);
        foreach (var vault in key.Vaults)
            facts.Add("waits for", vault.Error is { } error ? $"{vault.LocationName}: {error}" : vault.LocationName);
        return facts.ToString();
    }
}
