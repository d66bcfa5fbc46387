using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using VBackup.Portal.Policies;

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
        options.Converters.Add(new OneLine());
        options.Converters.Add(new TimeOfDayConverter());
        options.Converters.Add(new WeekdayConverter());
        options.TypeInfoResolverChain.Insert(0, new DefaultJsonTypeInfoResolver { Modifiers = { AskForAllOfRules } });
    }

    /// <summary>Policies are read as strictly as where they are saved: a member that is left out must not quietly become zero.</summary>
    static void AskForAllOfRules(JsonTypeInfo type)
    {
        if (type.Type.Namespace != typeof(PolicyRules).Namespace || type.Type.Name.EndsWith("Request", StringComparison.Ordinal)) return;
        foreach (var member in type.Properties)
            if (member.AssociatedParameter is { HasDefaultValue: false }) member.IsRequired = true;
    }

    /// <summary>The member that a reader of JSON complains about, such as <c>volumes[0].name</c>.</summary>
    public static string? FieldOf(JsonException failure)
    {
        var path = failure.Path;
        return path is null or "$" ? null : path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path.TrimStart('$');
    }
}
