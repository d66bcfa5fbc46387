using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup logout</c></summary>
static class LogOut
{
    static readonly Argument<string?> s_url =
        new("URL") { Description = "The Portal; the one that was signed in to last, when it is not said.",
            Arity = ArgumentArity.ZeroOrOne };

    public static Command Define()
    {
        var command = new Command("logout", "End the session at a Portal, and forget it.") { s_url };
        command.SetAction((parsed, stop) => HandleAsync(parsed.GetValue(s_url), Screen.Of(parsed), stop));
        return command;
    }

    static async Task<int> HandleAsync(string? text, Screen screen, CancellationToken stop)
    {
        var files = SignInFiles.OfThisUser();
        var url = (text is null ? PortalCall.UrlOf(files) : PortalUrl.Read(text))
            ?? throw new RefusedException("not signed in, so there is nothing to end");
        if (!files.Has(url)) throw new RefusedException($"not signed in to {url}, so there is nothing to end");
        await EndAsync(files, url, screen, stop).ConfigureAwait(false);
        files.Forget(url);
        screen.Event(new DoneEvent(), EventJson.Default.DoneEvent);
        screen.Line($"signed out of {url}");
        return ExitStatus.Done;
    }

    /// <summary>What cannot be ended is forgotten all the same: whoever goes away must not leave a token behind.</summary>
    static async Task EndAsync(SignInFiles files, PortalUrl url, Screen screen, CancellationToken stop)
    {
        try
        {
            if (files.Find(url) is not { } signIn) return;
            using var portal = new PortalClient(url, signIn.Token, TimeProvider.System);
            await portal.DeleteAsync("sessions/current", version: null, stop).ConfigureAwait(false);
        }
        catch (PortalRefusalException refusal) when (refusal.Code == "wrong-credentials")
        {
            // It is over already.
        }
        catch (Exception failure) when (failure is PortalUnreachableException or PortalRefusalException or RefusedException)
        {
            screen.Note($"the session could not be ended there, and ends by itself 12 hours after it began: {failure.Message}");
        }
    }
}
