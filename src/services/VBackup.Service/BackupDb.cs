using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Service.Catalogues;
using VBackup.Service.Keys;
using VBackup.Service.Locations;
using VBackup.Service.Points;
using VBackup.Service.Runs;
using VBackup.Service.Work;

namespace VBackup.Service;

/// <summary>What the vBackup service knows.</summary>
public sealed class BackupDb(DbContextOptions<BackupDb> options) : ServiceDb(options)
{
    /// <summary>How its tables are laid out.</summary>
    public const int SchemaVersion = 6;

    public DbSet<Run> Runs => Set<Run>();
    public DbSet<RestorePoint> Points => Set<RestorePoint>();
    public DbSet<WorkTask> Tasks => Set<WorkTask>();
    public DbSet<Location> Locations => Set<Location>();
    public DbSet<ProjectKey> Keys => Set<ProjectKey>();
    public DbSet<CatalogueState> Catalogues => Set<CatalogueState>();
    public DbSet<Worker> Workers => Set<Worker>();
    public DbSet<Enrolment> Enrolments => Set<Enrolment>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);
        modelBuilder.Entity<Run>(run =>
        {
            run.ToTable("runs");
            run.HasKey(one => one.Id);
            run.Property(one => one.Version).IsConcurrencyToken();
            run.Property(one => one.Disks).HasConversion(list => AsJson(list), text => AsNames(text));
            run.Property(one => one.Notes).HasConversion(list => AsJson(list)!, text => AsNames(text)!.ToList());
            run.HasIndex(one => one.State);
            run.HasIndex(one => new { one.Region, one.ServerId });
            run.Ignore(one => one.Server);
            run.Ignore(one => one.IsOver);
        });
        modelBuilder.Entity<RestorePoint>(point =>
        {
            point.ToTable("points");
            point.HasKey(one => one.Id);
            point.Property(one => one.Version).IsConcurrencyToken();
            point.Property(one => one.Tags).HasConversion(list => AsJson(list)!, text => AsNames(text)!);
            point.Property(one => one.Volumes).HasConversion(
                list => JsonSerializer.Serialize(list, ColumnJson.Default.IReadOnlyListVolumePointView),
                text => JsonSerializer.Deserialize(text, ColumnJson.Default.IReadOnlyListVolumePointView)!);
            point.Property(one => one.Configuration).HasConversion(
                known => JsonSerializer.Serialize(known!, ColumnJson.Default.PointConfiguration),
                text => JsonSerializer.Deserialize(text, ColumnJson.Default.PointConfiguration));
            point.Property(one => one.Pools).HasConversion(list => AsJson(list)!, text => AsNames(text)!);
            point.HasIndex(one => new { one.Region, one.ServerId });
            point.HasIndex(one => new { one.Location, one.State });
            point.HasIndex(one => one.PurgeAt);
            point.Ignore(one => one.Server);
            point.Ignore(one => one.CountedFrom);
        });
        modelBuilder.Entity<WorkTask>(task =>
        {
            task.ToTable("tasks");
            task.HasKey(one => one.Id);
            task.Property(one => one.Epoch).IsConcurrencyToken();
            task.Property(one => one.State).IsConcurrencyToken();
            task.HasIndex(one => new { one.State, one.Region, one.ReadyAt });
            task.HasIndex(one => one.Run);
            task.Property(one => one.Pools).HasConversion(list => AsJson(list)!, text => AsNames(text)!);
            task.Ignore(one => one.IsOver);
            task.Ignore(one => one.EndsWithItsRun);
            task.Ignore(one => one.Attempts);
        });
        modelBuilder.Entity<Location>(location =>
        {
            location.ToTable("locations");
            location.HasKey(one => one.Id);
            location.Property(one => one.Version).IsConcurrencyToken();
            location.HasIndex(one => new { one.Project, one.Name });
            location.Ignore(one => one.IsBehindWithKey);
            location.Ignore(one => one.HoldDays);
            location.Ignore(one => one.Lock);
        });
        modelBuilder.Entity<ProjectKey>(key =>
        {
            key.ToTable("project_keys");
            key.HasKey(one => one.Project);
            key.Property(one => one.Number).IsConcurrencyToken();
            key.Ignore(one => one.IsErased);
        });
        modelBuilder.Entity<CatalogueState>(catalogue =>
        {
            catalogue.ToTable("catalogues");
            catalogue.HasKey(one => one.Project);
            catalogue.Property(one => one.Generation).IsConcurrencyToken();
        });
        modelBuilder.Entity<Worker>(worker =>
        {
            worker.ToTable("workers");
            worker.HasKey(one => one.Id);
        });
        modelBuilder.Entity<Enrolment>(enrolment =>
        {
            enrolment.ToTable("enrolments");
            enrolment.HasKey(one => one.Id);
            // Of two who show the same token, one is too late.
            enrolment.Property(one => one.Worker).IsConcurrencyToken();
        });
    }

    static string? AsJson(IReadOnlyList<string>? list) => list is null ? null
        : JsonSerializer.Serialize(list, ColumnJson.Default.IReadOnlyListString);

    static IReadOnlyList<string>? AsNames(string? text) => text is null ? null
        : JsonSerializer.Deserialize(text, ColumnJson.Default.IReadOnlyListString);
}

[System.Text.Json.Serialization.JsonSerializable(typeof(IReadOnlyList<string>))]
[System.Text.Json.Serialization.JsonSerializable(typeof(IReadOnlyList<VolumePointView>))]
[System.Text.Json.Serialization.JsonSerializable(typeof(PointConfiguration))]
sealed partial class ColumnJson : System.Text.Json.Serialization.JsonSerializerContext;
