using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using VBackup.Platform.Databases;

namespace VBackup.Services.Tests.Crashes;

/// <summary>A service's database, as long as the service lives: it may die just before something is committed, or just after.</summary>
sealed class MortalDatabase<TDb>(string path, Func<DbContextOptions<TDb>, TDb> make, Life life, Place commit) : IDbContextFactory<TDb>
    where TDb : ServiceDb
{
    readonly DbContextOptions<TDb> _options = new DbContextOptionsBuilder<TDb>().UseSqlite(ConnectionTo(path))
        .AddInterceptors(new Commits(life, commit)).Options;

    public static string ConnectionTo(string path) =>
        new SqliteConnectionStringBuilder { DataSource = path, ForeignKeys = true }.ToString();

    public TDb CreateDbContext()
    {
        life.RequireAlive();
        var db = make(_options);
        // So that there is a commit to die at, of whatever is saved.
        db.Database.AutoTransactionBehavior = AutoTransactionBehavior.Always;
        return db;
    }

    sealed class Commits(Life life, Place place) : DbTransactionInterceptor
    {
        public override async ValueTask<InterceptionResult> TransactionCommittingAsync(
            DbTransaction transaction, TransactionEventData eventData, InterceptionResult result,
            CancellationToken cancellationToken = default)
        {
            await life.DoAsync(place, stop => transaction.CommitAsync(stop), cancellationToken);
            return InterceptionResult.Suppress();
        }
    }
}
