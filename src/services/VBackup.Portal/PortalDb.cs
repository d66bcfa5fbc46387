using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Platform.Databases;
using VBackup.Portal.Declarations;
using VBackup.Portal.Identity;
using VBackup.Portal.Locations;
using VBackup.Portal.Notifications;
using VBackup.Portal.Plans;
using VBackup.Portal.Points;
using VBackup.Portal.Policies;
using VBackup.Portal.Restores;
using VBackup.Portal.Runs;
using VBackup.Portal.Servers;
using VBackup.Portal.Snapshots;

namespace VBackup.Portal;

/// <summary>What the Portal knows: what users declared, and the newest that it was told of everything else.</summary>
public sealed class PortalDb(DbContextOptions<PortalDb> options) : ServiceDb(options)
{
    /// <summary>How its tables are laid out.</summary>
    public const int SchemaVersion = 7;

    public DbSet<RegionRow> Regions => Set<RegionRow>();
    public DbSet<ServerRow> Servers => Set<ServerRow>();
    public DbSet<PolicyRow> Policies => Set<PolicyRow>();
    public DbSet<Plan> Plans => Set<Plan>();
    public DbSet<AskedRun> AskedRuns => Set<AskedRun>();
    public DbSet<RunRow> Runs => Set<RunRow>();
    public DbSet<PointRow> Points => Set<PointRow>();
    public DbSet<SnapshotRow> Snapshots => Set<SnapshotRow>();
    public DbSet<OrphanRow> Orphans => Set<OrphanRow>();
    public DbSet<LocationRow> Locations => Set<LocationRow>();
    public DbSet<DeclaredProject> Declared => Set<DeclaredProject>();

    public override async Task<int> SaveChangesAsync(bool acceptAllChangesOnSuccess, CancellationToken cancellationToken = default)
    {
        await DeclarationsTelling.NoteAsync(this, cancellationToken).ConfigureAwait(false);
        return await base.SaveChangesAsync(acceptAllChangesOnSuccess, cancellationToken).ConfigureAwait(false);
    }
    public DbSet<RestoreSchedule> RestoreSchedules => Set<RestoreSchedule>();
    public DbSet<Webhook> Webhooks => Set<Webhook>();
    public DbSet<Notification> Notifications => Set<Notification>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        base.OnModelCreating(modelBuilder);
        ConfigureDeclared(modelBuilder);
        ConfigureHeard(modelBuilder);
        IdentityTables.Configure(modelBuilder);
        NotificationTables.Configure(modelBuilder);
    }

    static void ConfigureDeclared(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<PolicyRow>(policy =>
        {
            policy.ToTable("policies");
            policy.HasKey(one => one.Id);
            policy.Property(one => one.Version).IsConcurrencyToken();
            policy.Property(one => one.Rules).HasConversion(
                rules => JsonSerializer.Serialize(rules, PolicyJson.Default.PolicyRules),
                text => JsonSerializer.Deserialize(text, PolicyJson.Default.PolicyRules)!);
            policy.HasIndex(one => new { one.Project, one.Name }).IsUnique();
            policy.Ignore(one => one.IsSystemDefault);
        });
        modelBuilder.Entity<Plan>(plan =>
        {
            plan.ToTable("plans");
            plan.HasKey(one => one.Id);
            plan.Property(one => one.Version).IsConcurrencyToken();
            plan.Property(one => one.LookAt).IsConcurrencyToken();
            plan.Property(one => one.Volumes).HasConversion(
                choice => JsonSerializer.Serialize(choice, PortalColumnJson.Default.VolumeChoice),
                text => JsonSerializer.Deserialize(text, PortalColumnJson.Default.VolumeChoice)!);
            plan.HasIndex(one => new { one.Region, one.ServerId }).IsUnique();
            plan.HasIndex(one => one.LookAt);
            plan.HasIndex(one => one.RetentionAt);
            plan.Ignore(one => one.Server);
            plan.Ignore(one => one.Obstacle);
        });
        modelBuilder.Entity<DeclaredProject>(declared =>
        {
            declared.ToTable("declared_projects");
            declared.HasKey(one => one.Project);
            declared.Property(one => one.Version).IsConcurrencyToken();
        });
        modelBuilder.Entity<AskedRun>(run =>
        {
            run.ToTable("asked_runs");
            run.HasKey(one => one.Id);
            run.HasIndex(one => new { one.Plan, one.DueAt });
            run.HasIndex(one => one.Outcome);
            run.Ignore(one => one.Past);
        });
        modelBuilder.Entity<RestoreSchedule>(schedule =>
        {
            schedule.ToTable("restore_schedules");
            schedule.HasKey(one => one.Id);
            schedule.Property(one => one.Version).IsConcurrencyToken();
            schedule.Property(one => one.Calendar).HasConversion(
                calendar => JsonSerializer.Serialize(calendar, PolicyJson.Default.RestoreCalendar),
                text => JsonSerializer.Deserialize(text, PolicyJson.Default.RestoreCalendar)!);
            schedule.HasIndex(one => one.NextAt);
            schedule.HasIndex(one => one.Project);
            schedule.Ignore(one => one.Server);
            schedule.Ignore(one => one.Wish);
            schedule.Ignore(one => one.IsOver);
        });
    }

    static void ConfigureHeard(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<RegionRow>(region =>
        {
            region.ToTable("regions");
            region.HasKey(one => one.Name);
        });
        modelBuilder.Entity<ServerRow>(server =>
        {
            server.ToTable("servers");
            server.HasKey(one => new { one.Region, one.ServerId });
            server.Property(one => one.Disks).HasConversion(list => AsJson(list), text => AsDisks(text));
            server.HasIndex(one => new { one.Project, one.Name });
            server.Ignore(one => one.Ref);
            server.Ignore(one => one.WasEverSeen);
        });
        modelBuilder.Entity<RunRow>(run =>
        {
            run.ToTable("runs");
            run.HasKey(one => one.Id);
            run.Property(one => one.Notes).HasConversion(list => AsJson(list), text => AsNames(text));
            run.HasIndex(one => new { one.Project, one.StartedAt });
            run.HasIndex(one => new { one.Region, one.ServerId, one.State });
            run.Ignore(one => one.IsOver);
            run.Ignore(one => one.Server);
        });
        modelBuilder.Entity<PointRow>(point =>
        {
            point.ToTable("points");
            point.HasKey(one => one.Id);
            point.Property(one => one.Tags).HasConversion(list => AsJson(list), text => AsNames(text));
            point.Property(one => one.Volumes).HasConversion(
                list => JsonSerializer.Serialize(list, PortalColumnJson.Default.IReadOnlyListVolumePointView),
                text => JsonSerializer.Deserialize(text, PortalColumnJson.Default.IReadOnlyListVolumePointView)!);
            point.Property(one => one.Configuration).HasConversion(
                known => JsonSerializer.Serialize(known!, PortalColumnJson.Default.PointConfiguration),
                text => JsonSerializer.Deserialize(text, PortalColumnJson.Default.PointConfiguration));
            point.HasIndex(one => new { one.Region, one.ServerId, one.State });
            point.HasIndex(one => new { one.Project, one.TakenAt });
            point.Ignore(one => one.Server);
        });
        modelBuilder.Entity<SnapshotRow>(snapshot =>
        {
            snapshot.ToTable("snapshots");
            snapshot.HasKey(one => one.Id);
            snapshot.Property(one => one.Disks).HasConversion(list => AsJson(list), text => AsDisks(text));
            snapshot.Ignore(one => one.Server);
            snapshot.HasIndex(one => new { one.Project, one.Region, one.Name });
        });
        modelBuilder.Entity<OrphanRow>(orphan =>
        {
            orphan.ToTable("orphan_snapshots");
            orphan.HasKey(one => new { one.Region, one.ServerId, one.Instant });
            orphan.Property(one => one.Volumes).HasConversion(list => AsJson(list), text => AsNames(text));
        });
        modelBuilder.Entity<LocationRow>(location =>
        {
            location.ToTable("locations");
            location.HasKey(one => one.Id);
            location.HasIndex(one => new { one.Project, one.Name });
            location.Ignore(one => one.Lock);
        });
    }

    static string AsJson(IReadOnlyList<string> list) => JsonSerializer.Serialize(list, PortalColumnJson.Default.IReadOnlyListString);

    static IReadOnlyList<string> AsNames(string text) => JsonSerializer.Deserialize(text, PortalColumnJson.Default.IReadOnlyListString)!;

    static string AsJson(IReadOnlyList<DiskView> list) => JsonSerializer.Serialize(list, PortalColumnJson.Default.IReadOnlyListDiskView);

    static IReadOnlyList<DiskView> AsDisks(string text) => JsonSerializer.Deserialize(text,
        PortalColumnJson.Default.IReadOnlyListDiskView)!;
}

[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(IReadOnlyList<DiskView>))]
[JsonSerializable(typeof(IReadOnlyList<VolumePointView>))]
[JsonSerializable(typeof(PointConfiguration))]
[JsonSerializable(typeof(VolumeChoice))]
sealed partial class PortalColumnJson : JsonSerializerContext;
