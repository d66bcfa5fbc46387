using Microsoft.EntityFrameworkCore;

namespace VBackup.Portal.Notifications;

/// <summary>What is to be told, and to which webhooks.</summary>
static class NotificationTables
{
    public static void Configure(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Webhook>(webhook =>
        {
            webhook.ToTable("webhooks");
            webhook.HasKey(one => one.Id);
            webhook.HasIndex(one => new { one.Project, one.Name }).IsUnique();
            webhook.Ignore(one => one.HasSecret);
        });
        modelBuilder.Entity<Notification>(notification =>
        {
            notification.ToTable("notifications");
            notification.HasKey(one => one.Id);
            notification.Property(one => one.Version).IsConcurrencyToken();
            notification.HasIndex(one => new { one.State, one.NextAttemptAt });
            notification.HasIndex(one => one.Project);
        });
    }
}
