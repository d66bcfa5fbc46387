using System.Text.Json;
using System.Text.Json.Serialization;

namespace VBackup.Portal.Api;

/// <summary>How the API reads and writes JSON.</summary>
static class ApiJson
{
    /// <summary>Members that are null are not there in a problem.</summary>
    public static JsonSerializerOptions Problems { get; } =
        new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public static void Configure(JsonSerializerOptions options)
    {
        // A member that nobody knows is a mistake of the caller, who would wait in vain for what it should have done.
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.PropertyNameCaseInsensitive = false;
        options.AllowDuplicateProperties = false;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.MaxDepth = 32;
    }

    /// <summary>The member that a reader of JSON complains about, such as <c>volumes[0].name</c>.</summary>
    public static string? FieldOf(JsonException failure)
    {
        var path = failure.Path;
        return path is null or "$" ? null : path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path.TrimStart('$');
    }
}
