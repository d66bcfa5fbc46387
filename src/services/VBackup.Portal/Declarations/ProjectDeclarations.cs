using System.Text.Json;
using System.Text.Json.Serialization;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Portal.Plans;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Declarations;

/// <summary>What users have declared of a project, as it lies in the project's vaults: later versions only add members.</summary>
/// <param name="Format">1.</param>
/// <param name="Policies">The project's own; those of the system are the same everywhere.</param>
public sealed record ProjectDeclarations(
    int Format, string ProjectName, IReadOnlyList<DeclaredPolicy> Policies, IReadOnlyList<DeclaredPlan> Plans)
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

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, MaxDepth = 16, Converters = [typeof(TimeOfDayConverter), typeof(WeekdayConverter)])]
[JsonSerializable(typeof(ProjectDeclarations))]
public sealed partial class DeclarationsJson : JsonSerializerContext;
