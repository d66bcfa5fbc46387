using Microsoft.EntityFrameworkCore;

namespace VBackup.Platform.Databases;

/// <summary>Where a service keeps what it knows. Thread-safe.</summary>
public interface IServiceDatabase<TDb> : IDbContextFactory<TDb> where TDb : ServiceDb
{
    /// <summary>For people, to tell it from others; there is no secret in it.</summary>
    string Name { get; }

    /// <summary>Makes sure that its tables are laid out as this program knows them. REQUIRES: nobody was given it before.</summary>
    /// <param name="schemaVersion">How this program lays tables out.</param>
    /// <exception cref="OtherSchemaException">Its tables are laid out in another way. Nothing of it was changed.</exception>
    Task PrepareAsync(int schemaVersion, CancellationToken cancellation);
}

/// <summary>A database whose tables are laid out in another way than this program knows. Nothing of it was changed.</summary>
public sealed class OtherSchemaException : Exception
{
    const string Remedy = "nothing was changed; run the program that made it, or bring the tables up to date first";

    /// <param name="remedy">What to do about a database that is behind.</param>
    public OtherSchemaException(string database, int found, int known, string remedy = Remedy) : base(found > known
        ? $"{database} has version {found} of the tables, and this program knows them up to version {known}: run the later program again"
        : $"{database} has version {found} of the tables, and this program needs version {known}: {remedy}")
    {
    }

    OtherSchemaException(string message) : base(message)
    {
    }

    public static OtherSchemaException NoTables(string database, string remedy) => new($"{database} has no tables yet: {remedy}");
}
