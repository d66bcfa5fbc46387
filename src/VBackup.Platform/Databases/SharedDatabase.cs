using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace VBackup.Platform.Databases;

/// <summary>
/// What changes of a database that several processes have need beside their transaction. Each is serializable: what comes of those that
/// were made at once is what would have come of them one after the other, or somebody has to begin again. Whoever had to too often is alone
/// for once, and cannot fail for others.
/// </summary>
/// <remarks>The locks are of tables, and taken before anything is read: a transaction sees the database as it was at its first read, and
/// what it waits for after that it does not see. <c>schema_version</c> is the table because every service has it, and only migrations,
/// which are to be alone as well, write it.</remarks>
static class SharedDatabase
{
    const string BesideOthers = "LOCK TABLE schema_version IN ROW SHARE MODE", Alone = "LOCK TABLE schema_version IN EXCLUSIVE MODE";

    /// <summary>REQUIRES: nothing was read in the transaction.</summary>
    /// <param name="turnsAt">A table: of changes that name the same, one is made at a time. Null for none.</param>
    public static Task EnterAsync(ServiceDb db, bool isAlone, string? turnsAt, CancellationToken cancellation)
    {
        var statement = isAlone ? Alone : BesideOthers;
        if (turnsAt is not null) statement = $"{statement}; LOCK TABLE {turnsAt} IN SHARE ROW EXCLUSIVE MODE";
        return db.Database.ExecuteSqlRawAsync(statement, cancellation);
    }

    /// <summary>Somebody else has changed what this one has read, or made the same row: it may be tried again.</summary>
    public static bool OthersWereFaster(Exception failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
            if (cause is DbUpdateConcurrencyException or PostgresException
                {
                    SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected
                        or PostgresErrorCodes.UniqueViolation
                }) return true;
        return false;
    }
}
