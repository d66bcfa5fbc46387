using System.Reflection;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;
using VBackup.Contracts.Ids;
using VBackup.Platform.Messaging;
using VBackup.Primitives;

namespace VBackup.Platform.Databases;

/// <summary>
/// What the database of every service has: messages that are to be sent, written in the transaction that made them true, and the ids of
/// those that were done. Each service owns its tables, and nobody reads another's.
/// </summary>
public abstract class ServiceDb(DbContextOptions options) : DbContext(options)
{
    public DbSet<OutgoingMessage> Outbox => Set<OutgoingMessage>();
    public DbSet<DoneMessage> Inbox => Set<DoneMessage>();

    /// <summary>Several processes may have it at once, and change it beside each other.</summary>
    internal bool IsShared => Database.IsNpgsql();

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        foreach (var id in typeof(RunId).Assembly.GetTypes().Where(type => type.IsValueType
            && type.GetInterfaces().Any(one => one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IUniqueId<>))))
            configurationBuilder.Properties(id).HaveConversion(typeof(UniqueIdColumn<>).MakeGenericType(id));
        // SQLite orders no DateTimeOffset; and an instant is one wherever it was noted.
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<InstantColumn>();
        // Texts are in the order of their letters' numbers, as SQLite has them, whatever language the server was made for.
        if (IsShared) configurationBuilder.Properties<string>().UseCollation("C");
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<OutgoingMessage>(message =>
        {
            message.ToTable("outbox");
            message.HasKey(one => one.Id);
            message.HasIndex(one => one.NextAttemptAt);
        });
        modelBuilder.Entity<DoneMessage>(message =>
        {
            message.ToTable("inbox");
            message.HasKey(one => one.Id);
            message.HasIndex(one => one.DoneAt);
        });
        modelBuilder.Entity<SchemaVersion>(version =>
        {
            version.ToTable("schema_version");
            version.HasKey(one => one.Version);
        });
    }

    sealed class UniqueIdColumn<TId>() : ValueConverter<TId, Guid>(id => id.Value, value => Make(value)) where TId : struct, IUniqueId<TId>
    {
        // An expression may not call a static abstract member.
        static TId Make(Guid value) => TId.From(value);
    }

    sealed class InstantColumn() : ValueConverter<DateTimeOffset, DateTime>(
        instant => instant.UtcDateTime, value => new DateTimeOffset(DateTime.SpecifyKind(value, DateTimeKind.Utc)));
}

/// <summary>How the tables are laid out; one row.</summary>
public sealed record SchemaVersion(int Version);
