using Microsoft.EntityFrameworkCore;
using VBackup.Portal.Api;
using VBackup.Portal.Audit;

namespace VBackup.Portal.Identity;

/// <summary>Who may do what, who did what, and which creations were asked for.</summary>
static class IdentityTables
{
    public static void Configure(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Project>(project =>
        {
            project.ToTable("projects");
            project.HasKey(one => one.Id);
            project.Property(one => one.Version).IsConcurrencyToken();
            project.HasIndex(one => one.Name).IsUnique();
        });
        modelBuilder.Entity<User>(user =>
        {
            user.ToTable("users");
            user.HasKey(one => one.Id);
            user.Property(one => one.Version).IsConcurrencyToken();
            user.HasIndex(one => one.Name).IsUnique();
        });
        modelBuilder.Entity<Membership>(membership =>
        {
            membership.ToTable("memberships");
            membership.HasKey(one => new { one.Project, one.User });
            membership.Property(one => one.Version).IsConcurrencyToken();
            membership.HasIndex(one => one.User);
        });
        modelBuilder.Entity<CustomRole>(role =>
        {
            role.ToTable("roles");
            role.HasKey(one => new { one.Project, one.Name });
            role.Property(one => one.Version).IsConcurrencyToken();
            role.Property(one => one.Permissions).HasConversion(list => AsNames(list), text => AsPermissions(text));
        });
        modelBuilder.Entity<ApiToken>(token =>
        {
            token.ToTable("api_tokens");
            token.HasKey(one => one.Id);
            token.HasIndex(one => one.Digest).IsUnique();
            token.HasIndex(one => new { one.Project, one.User });
            token.HasIndex(one => one.User);
            token.HasIndex(one => one.ExpiresAt);
        });
        modelBuilder.Entity<AuditEntry>(entry =>
        {
            entry.ToTable("audit");
            entry.HasKey(one => one.Id);
            entry.HasIndex(one => new { one.Project, one.Id });
        });
        modelBuilder.Entity<RememberedCreation>(creation =>
        {
            creation.ToTable("remembered_creations");
            creation.HasKey(one => new { one.Caller, one.Route, one.Key });
            creation.HasIndex(one => one.At);
        });
    }

    static string AsNames(IReadOnlyList<Permission> permissions) => string.Join(' ', permissions);

    static IReadOnlyList<Permission> AsPermissions(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Enum.Parse<Permission>)];
}
