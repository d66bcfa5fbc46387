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
    public const int SchemaVersion = 2;

    public DbSet<Snapshot> Snapshots => Set<Snapshot>();
    public DbSet<HeldVolume> HeldVolumes => Set<HeldVolume>();
    public DbSet<OrphanSnapshot> Orphans => Set<OrphanSnapshot>();
    public DbSet<Installation> Installations => Set<Installation>();

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
            snapshot.HasIndex(one => one.Instant);
            snapshot.HasIndex(one => one.KeptUntil);
            snapshot.HasIndex(one => one.State);
            snapshot.Property(one => one.WantedDisks).HasConversion(list => AsJson(list), text => AsNames(text));
            snapshot.Property(one => one.RolledBackDisks).HasConversion(list => AsJson(list), text => AsNames(text));
            snapshot.Property(one => one.Disks).HasConversion(
                list => JsonSerializer.Serialize(list, ColumnJson.Default.IReadOnlyListDiskView),
                text => JsonSerializer.Deserialize(text, ColumnJson.Default.IReadOnlyListDiskView)!);
            snapshot.Ignore(one => one.Server);
        });
        modelBuilder.Entity<HeldVolume>(held =>
        {
            held.ToTable("held_volumes");
            held.HasKey(one => new { one.Snapshot, one.Volume });
            held.HasIndex(one => one.Volume);
            held.HasIndex(one => one.Pool);
        });
        modelBuilder.Entity<OrphanSnapshot>(orphan =>
        {
            orphan.ToTable("orphans");
            orphan.HasKey(one => new { one.ServerId, one.Instant });
            orphan.Property(one => one.Volumes).HasConversion(list => AsJson(list)!, text => AsNames(text)!);
        });
        modelBuilder.Entity<Installation>(installation =>
        {
            installation.ToTable("installation");
            installation.HasKey(one => one.Id);
            installation.Property(one => one.Id).ValueGeneratedNever();
        });
    }

    static string? AsJson(IReadOnlyList<string>? list) => list is null ? null : JsonSerializer.Serialize(list,
        ColumnJson.Default.IReadOnlyListString);

    static IReadOnlyList<string>? AsNames(string? text) => text is null ? null : JsonSerializer.Deserialize(text,
        ColumnJson.Default.IReadOnlyListString);
}

[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(IReadOnlyList<DiskView>))]
sealed partial class ColumnJson : JsonSerializerContext;
