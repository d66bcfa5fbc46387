using System.Globalization;
using System.Reflection;

namespace VBackup.Platform.Databases;

/// <summary>What makes a version of a service's tables on PostgreSQL out of the one before it. What was released stays as it is.</summary>
public sealed record SchemaStep(int Version, string Sql);

/// <summary>The steps that a service has, as files in its folder <c>Schema</c>: <c>0005.sql</c> makes version 5. The first makes all tables
/// where there are none.</summary>
public static class SchemaSteps
{
    const string Folder = "Schema/", Ending = ".sql";

    /// <returns>In the order of their versions.</returns>
    public static IReadOnlyList<SchemaStep> Of<TDb>() where TDb : ServiceDb
    {
        var assembly = typeof(TDb).Assembly;
        return [.. assembly.GetManifestResourceNames().Where(name => name.StartsWith(Folder, StringComparison.Ordinal))
            .Select(name => new SchemaStep(VersionOf(name), Read(assembly, name))).OrderBy(step => step.Version)];
    }

    static int VersionOf(string name) => int.Parse(name.AsSpan(Folder.Length, name.Length - Folder.Length - Ending.Length),
        NumberStyles.None, CultureInfo.InvariantCulture);

    static string Read(Assembly assembly, string name)
    {
        using var stream = assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"{name} is not in {assembly.GetName().Name}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
