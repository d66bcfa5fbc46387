using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup login</c></summary>
static class LogIn
{
    static readonly Argument<string> s_url = new("URL") { Description = "Where the Portal is: https://…, or http:// on this machine." };
    static readonly Option<string> s_user = new("--user") { HelpName = "NAME", Required = true, Description = "Who signs in." };
    static readonly Option<string> s_project =
        new("--project") { HelpName = "NAME", Description = "Which project to work in; needed by who is in several." };
    static readonly Option<string> s_passwordFile =
        new("--password-file") { HelpName = "FILE", Description = "A file with the password; without, it is asked for." };
    static readonly Option<string> s_newPasswordFile =
        new("--new-password-file") { HelpName = "FILE",
            Description = "At the first sign-in with a one-time password: a file with the one that replaces it." };

    public static Command Define()
    {
        var command = new Command("login", "Sign in to a Portal, for 12 hours; the commands that follow ask it.")
        { s_url, s_user, s_project, s_passwordFile, s_newPasswordFile };
        command.SetAction(HandleAsync);
        return command;
    }

    static async Task<int> HandleAsync(ParseResult parsed, CancellationToken stop)
    {
        var (url, user) = (PortalUrl.Read(parsed.GetRequiredValue(s_url)), parsed.GetRequiredValue(s_user));
        var (screen, files) = (Screen.Of(parsed), SignInFiles.OfThisUser());
        var password = parsed.GetValue(s_passwordFile) is { } file
            ? await Secret.ReadFileAsync(file, "the password", stop).ConfigureAwait(false)
            : await Secret.AskAsync($"password of {user}", "give --password-file FILE", stop).ConfigureAwait(false);
        using var portal = new PortalClient(url, token: null, TimeProvider.System);
        var session = await SignInAsync(portal, new(user, password, parsed.GetValue(s_project)),
            () => ReadNewAsync(parsed.GetValue(s_newPasswordFile), stop), screen, stop).ConfigureAwait(false);
        files.Keep(new(SignIn.CurrentVersion, url.Text, session.User, session.Token, session.ExpiresAt, session.ProjectName));
        screen.Event(new SignedInEvent(url.Text, session.User, session.ProjectName, session.ExpiresAt), EventJson.Default.SignedInEvent);
        var where = session.ProjectName is { } project ? $"project {project}" : "in no project";
        screen.Line($"signed in to {url} as {session.User}, {where}, "
            + $"until {LocalTime.Text(session.ExpiresAt)}");
        return ExitStatus.Done;
    }

    static async Task<SessionView> SignInAsync(PortalClient portal, SignInBody who, Func<Task<string>> askForNew, Screen screen,
        CancellationToken stop)
    {
        try
        {
            return await BeginAsync(portal, who, stop).ConfigureAwait(false);
        }
        catch (PortalRefusalException refusal) when (refusal.Code == "password-change-required")
        {
            // Done below: a one-time password opens nothing but the way to another.
        }
        var chosen = await askForNew().ConfigureAwait(false);
        await portal.PutAsync("users/me/password", new(who.User, who.Password, chosen), RemoteJson.Default.PasswordBody, stop)
            .ConfigureAwait(false);
        screen.Note("the one-time password is used up: the new one holds from now on");
        return await BeginAsync(portal, who with { Password = chosen }, stop).ConfigureAwait(false);
    }

    static async Task<SessionView> BeginAsync(PortalClient portal, SignInBody who, CancellationToken stop) =>
        (await portal.SendAsync("sessions", who, RemoteJson.Default.SignInBody, RemoteJson.Default.SessionView, stop)
            .ConfigureAwait(false)).Value;

    static async Task<string> ReadNewAsync(string? file, CancellationToken stop)
    {
        if (file is not null) return await Secret.ReadFileAsync(file, "the new password", stop).ConfigureAwait(false);
        const string Instead = "the password is for one time, so give --new-password-file FILE with the one that replaces it";
        var chosen = await Secret.AskAsync("the password was for one time; a new one of 12 letters at least", Instead, stop)
            .ConfigureAwait(false);
        return chosen == await Secret.AskAsync("the new one again", Instead, stop).ConfigureAwait(false) ? chosen
            : throw new RefusedException("the two are not the same; nothing was changed");
    }
}
