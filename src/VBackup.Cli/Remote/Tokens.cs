using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup token</c>: tokens for programs.</summary>
static class Tokens
{
    static readonly Argument<string> s_name = new("NAME") { Description = "What it is for, such as 'nightly-script'." };
    static readonly Argument<string> s_token =
        new("TOKEN") { Description = "A token's name or id, or the start of the id; not the token itself." };
    static readonly Option<int?> s_days = new("--days") { HelpName = "N",
        Description = "How long it is good for: 90 if it is not said, 366 at most." };

    public static Command Define() => new("token", "Make and revoke tokens, by which programs ask the Portal.")
    {
        PortalCall.Define("create", "Make a token that acts as you in this project; it is shown once.", CreateAsync, s_name, s_days),
        PortalCall.Define("list", "List your tokens and sessions; everybody's of the project, if you manage access.", ListAsync),
        PortalCall.Define("revoke", "Revoke a token or a session, at once.", RevokeAsync, s_token),
    };

    static async Task CreateAsync(PortalCall call)
    {
        if (call.Get(s_days) is < 1 or > 366) throw new UsageException("--days is 1 to 366");
        DateTimeOffset? expires = call.Get(s_days) is { } days ? call.Portal.Clock.GetUtcNow() + TimeSpan.FromDays(days) : null;
        var made = await MakeAsync(call, new(call.Get(s_name), expires)).ConfigureAwait(false);
        if (made.Value.Token is not { } token)
            throw new RefusedException("the answer that had the token was lost on its way: "
                + $"revoke it ('vbackup token revoke {made.Value.Id}') and make another");
        // It ends with the token: programs read the last line, and people copy it.
        call.Screen.Note($"token '{made.Value.Name}' is good until {LocalTime.Text(made.Value.ExpiresAt)} and is not shown again; "
            + $"programs find it in VBACKUP_TOKEN, with VBACKUP_URL={call.Portal.Url}");
        call.Screen.Event("completed", made.Json);
        call.Screen.Line(token);
    }

    static async Task<Told<NewTokenView>> MakeAsync(PortalCall call, TokenBody body)
    {
        try
        {
            return await call.Portal.CreateAsync("tokens", body, RemoteJson.Default.TokenBody, RemoteJson.Default.NewTokenView, call.Stop)
                .ConfigureAwait(false);
        }
        catch (PortalUnreachableException away) when (away.MayHaveBeenHeard)
        {
            // A token that nobody has must not stay good.
            throw new RefusedException($"{away.Message}; the token may have been made all the same: "
                + $"'vbackup token list' shows it then, and 'vbackup token revoke {body.Name}' revokes it");
        }
    }

    static async Task ListAsync(PortalCall call)
    {
        var table = new TextTable("TOKEN", "NAME", "USER", "KIND", "MADE", "GOOD UNTIL", "LAST USED");
        await foreach (var token in call.Portal.ListAsync("tokens", RemoteJson.Default.TokenView, call.Stop).ConfigureAwait(false))
        {
            call.Screen.Event("token", token.Json);
            var one = token.Value;
            table.Add(ShortId.Of(one.Id), one.Name, one.User, one.Session ? "session" : "program", LocalTime.Text(one.CreatedAt),
                one.RevokedAt is { } revoked ? $"revoked {LocalTime.Text(revoked)}" : LocalTime.Text(one.ExpiresAt),
                    LocalTime.TextOrDash(one.LastUsedAt));
        }
        call.Show(table, "tokens");
    }

    static async Task RevokeAsync(PortalCall call)
    {
        var token = await Choice.TokenAsync(call, call.Get(s_token)).ConfigureAwait(false);
        await call.Portal.DeleteAsync($"tokens/{token.Value.Id}", version: null, call.Stop).ConfigureAwait(false);
        call.Screen.Event("completed", token.Json);
        call.Screen.Line($"revoked the {(token.Value.Session ? "session" : "token")} '{token.Value.Name}' of {token.Value.User}");
    }
}
