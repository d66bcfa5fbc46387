using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Portal.Identity;

namespace VBackup.Portal.Api;

/// <summary>
/// Finds who shows a token. The user, his membership and his role are read each time, so that what was taken from him is gone at once.
/// Thread-safe.
/// </summary>
sealed class CallerSearch(IDbContextFactory<PortalDb> databases, TimeProvider clock)
{
    /// <param name="text">Of the token.</param>
    /// <returns>Null when it lets nobody in.</returns>
    public Task<Caller?> FindAsync(string text, CancellationToken cancellation)
    {
        var digest = ApiToken.DigestOf(text);
        return FindAsync(tokens => tokens.Where(one => one.Digest == digest), cancellation);
    }

    /// <param name="token">That was shown before.</param>
    /// <returns>Null when it lets him in no more.</returns>
    public Task<Caller?> FindAgainAsync(ApiTokenId token, CancellationToken cancellation) =>
        FindAsync(tokens => tokens.Where(one => one.Id == token), cancellation);

    async Task<Caller?> FindAsync(Func<IQueryable<ApiToken>, IQueryable<ApiToken>> which, CancellationToken cancellation)
    {
        var db = await databases.CreateDbContextAsync(cancellation).ConfigureAwait(false);
        await using var closing = db.ConfigureAwait(false);
        var now = clock.GetUtcNow();
        var found = await (from token in which(db.Set<ApiToken>().AsNoTracking())
                           join user in db.Set<User>().AsNoTracking() on token.User equals user.Id
                           select new { token, user }).SingleOrDefaultAsync(cancellation).ConfigureAwait(false);
        if (found is null || !found.token.IsGood(now) || found.user.IsDisabled || found.user.MustChangePassword) return null;
        var access = await Access.OfAsync(db, found.user, found.token.Project, cancellation).ConfigureAwait(false);
        if (access is null) return null;
        if (!(now - found.token.LastUsedAt < ApiToken.LastUsedCoarseness))
            await NoteUseAsync(db, found.token.Id, now, cancellation).ConfigureAwait(false);
        return new(found.token.Id, found.token.IsSession, found.user.Id, found.user.Name, found.user.IsAdministrator, found.token.Project,
            access.ProjectName, access.Role, access.Permissions);
    }

    static Task<int> NoteUseAsync(PortalDb db, ApiTokenId token, DateTimeOffset now, CancellationToken cancellation)
    {
        DateTimeOffset? used = now;
        return db.Set<ApiToken>().Where(one => one.Id == token)
            .ExecuteUpdateAsync(set => set.SetProperty(one => one.LastUsedAt, used), cancellation);
    }
}
