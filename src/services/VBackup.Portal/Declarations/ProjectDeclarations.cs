using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Plans;
using VBackup.Portal.Policies;
using VBackup.Portal.Restores;

namespace VBackup.Portal.Declarations;

/// <summary>What users have declared of a project, as it lies in the project's vaults: later versions only add members.</summary>
/// <param name="Format">1.</param>
/// <param name="Policies">The project's own; those of the system are the same everywhere.</param>
/// <param name="Webhooks">Null in what was saved before they were; so with the next.</param>
/// <param name="RestoreSchedules">Those that may still start.</param>
public sealed record ProjectDeclarations(
    int Format, string ProjectName, IReadOnlyList<DeclaredPolicy> Policies, IReadOnlyList<DeclaredPlan> Plans,
    IReadOnlyList<DeclaredWebhook>? Webhooks = null, IReadOnlyList<DeclaredRestoreSchedule>? RestoreSchedules = null)
{
    public const int FormatNow = 1;

    /// <exception cref="JsonException">It is of another shape, or a later format.</exception>
    public static ProjectDeclarations Read(JsonElement json)
    {
        var read = json.Deserialize(DeclarationsJson.Default.ProjectDeclarations) ?? throw new JsonException("it is null");
        return read.Format == FormatNow ? read : throw new JsonException(
            $"it has format {read.Format}, and this program knows {FormatNow}");
    }
}

public sealed record DeclaredPolicy(PolicyId Policy, string Name, PolicyRules Rules);

/// <param name="IsEnabled">When it was saved.</param>
public sealed record DeclaredPlan(
    PlanId Plan, ServerRef Server, string ServerName, PolicyId Policy, LocationId Location, VolumeChoice Volumes, string Note,
        bool IsEnabled);

/// <summary>Without its secret: that is in no message and in no vault, and a recovered one gets another.</summary>
public sealed record DeclaredWebhook(WebhookId Webhook, string Name, string Url);

/// <param name="At">Null for one that is repeated.</param>
/// <param name="Calendar">Null for one that starts once.</param>
/// <param name="IsEnabled">When it was saved.</param>
public sealed record DeclaredRestoreSchedule(RestoreScheduleId Schedule, string Name, ServerRef Server, string ServerName, RestoreWish Wish,
    DateTimeOffset? At, RestoreCalendar? Calendar, bool IsEnabled);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, MaxDepth = 16, Converters = [typeof(TimeOfDayConverter), typeof(WeekdayConverter)])]
[JsonSerializable(typeof(ProjectDeclarations))]
public sealed partial class DeclarationsJson : JsonSerializerContext;
