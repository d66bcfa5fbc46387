namespace VBackup.Portal.Servers;

/// <summary>Volumes of a server, as somebody names them.</summary>
static class VolumeNames
{
    const string Field = "volumes";

    /// <summary>What is wrong with them whatever the server has; null when nothing is, or all are meant.</summary>
    public static Refusal? FaultOf(IReadOnlyList<string?>? names)
    {
        if (names is null) return null;
        if (names.Count == 0) return Refusal.Invalid(Field, "name one at least, or leave them out for all");
        if (names.Any(string.IsNullOrEmpty)) return Refusal.Invalid(Field, "a name is missing");
        return names.GroupBy(name => name).FirstOrDefault(same => same.Count() > 1) is { Key: var twice }
            ? Refusal.Invalid(Field, $"the volume {twice} is named twice") : null;
    }
}
