using System.Text.Json.Serialization;
using VBackup.Primitives;

namespace VBackup.Contracts.Ids;

/// <summary>An address of a project's that is told what happens.</summary>
[JsonConverter(typeof(UniqueIdConverter<WebhookId>))]
public readonly record struct WebhookId(Guid Value) : IUniqueId<WebhookId>
{
    public static WebhookId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>What one recipient is told once. Whoever gets it twice knows it by this.</summary>
[JsonConverter(typeof(UniqueIdConverter<NotificationId>))]
public readonly record struct NotificationId(Guid Value) : IUniqueId<NotificationId>
{
    public static NotificationId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>A restore that starts by itself, once or again and again.</summary>
[JsonConverter(typeof(UniqueIdConverter<RestoreScheduleId>))]
public readonly record struct RestoreScheduleId(Guid Value) : IUniqueId<RestoreScheduleId>
{
    public static RestoreScheduleId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}
