using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Notifications;

/// <summary>What webhooks are sent, and e-mails are written from. Its JSON is frozen by a test; later versions only add members.</summary>
/// <param name="Version">1.</param>
/// <param name="Id">The same at every attempt.</param>
/// <param name="Summary">A line for people.</param>
/// <param name="Run">Which run ended; null where it is about something else, as of the next.</param>
public sealed record NotificationBody(
    int Version, NotificationId Id, NotificationEvent Event, DateTimeOffset At, ProjectId Project, string Summary, ServerNews? Server,
        RunNews? Run,
    LocationNews? Location)
{
    public const int VersionNow = 1;

    internal string Write() => JsonSerializer.Serialize(this, NotificationJson.Default.NotificationBody);

    internal static NotificationBody Read(string json) => JsonSerializer.Deserialize(json, NotificationJson.Default.NotificationBody)
        ?? throw new InvalidOperationException("A notification has no body.");
}

public sealed record ServerNews(string Region, string Id, string Name);

/// <summary>A run that is over. Members are those of the API's run.</summary>
/// <param name="Point">Null, as the location, of the import of an image.</param>
public sealed record RunNews(
    RunId Id, RunKind Kind, RunState State, RunTrigger Trigger, PlanId? Plan, RestorePointId? Point, LocationId? Location,
    DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, long DoneBytes, long StoredBytes, IReadOnlyList<string> Notes, string? Error,
    string? Target);

public sealed record LocationNews(LocationId Id, string Name, string? Finding);

/// <inheritdoc cref="NotificationBody"/>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, MaxDepth = 8)]
[JsonSerializable(typeof(NotificationBody))]
sealed partial class NotificationJson : JsonSerializerContext;
