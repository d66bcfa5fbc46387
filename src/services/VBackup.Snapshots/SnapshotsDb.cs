using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;

namespace VBackup.Snapshots;

/// <summary>What the vSnapshot service of a region knows.</summary>
public sealed class SnapshotsDb(DbContextOptions<SnapshotsDb> options) : ServiceDb(options)
{
    /// <summary>How its tables are laid out.</summary>
    public const int SchemaVersion = 1;

    public DbSet<Snapshot> Snapshots => Set<Snapshot>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);
        modelBuilder.Entity<Snapshot>(snapshot =>
        {
            snapshot.ToTable("snapshots");
            snapshot.HasKey(one => one.Id);
            snapshot.Property(one => one.Version).IsConcurrencyToken();
            snapshot.HasIndex(one => new { one.Next, one.DueAt });
            snapshot.HasIndex(one => one.ServerId);
            snapshot.HasIndex(one => one.Name);
            snapshot.HasIndex(one => one.KeptUntil);
            snapshot.Property(one => one.WantedDisks).HasConversion(
                list => list == null ? null : JsonSerializer.Serialize(list, ColumnJson.Default.IReadOnlyListString),
                text => text == null ? null : JsonSerializer.Deserialize(text, ColumnJson.Default.IReadOnlyListString));
            snapshot.Property(one => one.Disks).HasConversion(
                list => JsonSerializer.Serialize(list, ColumnJson.Default.IReadOnlyListDiskView),
                text => JsonSerializer.Deserialize(text, ColumnJson.Default.IReadOnlyListDiskView)!);
            snapshot.Ignore(one => one.Server);
        });
    }
}

[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(IReadOnlyList<DiskView>))]
sealed partial class ColumnJson : JsonSerializerContext;
