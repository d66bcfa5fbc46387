using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace VBackup.Platform.Databases;

/// <summary>Reads that lock the rows which they find, so that several processes share them out. SQLite, where one at a time changes
/// anything, needs no such thing, and reads them as ever.</summary>
public static class RowLocking
{
    const string Mark = "locks what it finds";

    internal static DbCommandInterceptor Interceptor { get; } = new Locking();

    /// <summary>Finds only rows that nobody else holds, and holds them until the transaction ends. REQUIRES: no groups, nothing counted.
    /// </summary>
    public static IQueryable<TRow> SkipLocked<TRow>(this IQueryable<TRow> rows) where TRow : class => rows.TagWith(Mark);

    // The language of queries has no word for it.
    sealed class Locking : DbCommandInterceptor
    {
        public override ValueTask<InterceptionResult<DbDataReader>> ReaderExecutingAsync(DbCommand command, CommandEventData eventData,
            InterceptionResult<DbDataReader> result, CancellationToken cancellationToken = default)
        {
            if (command.CommandText.StartsWith("-- " + Mark, StringComparison.Ordinal)) command.CommandText += "\nFOR UPDATE SKIP LOCKED";
            return ValueTask.FromResult(result);
        }
    }
}
