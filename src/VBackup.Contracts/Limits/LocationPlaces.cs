namespace VBackup.Contracts.Limits;

/// <summary>Where locations may be: whoever runs the system says so, and it holds for everybody who makes one, administrators
/// too.</summary>
/// <param name="Folders">Null for any.</param>
/// <param name="Endpoints">Null for any.</param>
public sealed record LocationPlaces(LocationFolders? Folders, StoreEndpoints? Endpoints)
{
    /// <summary>Nobody has said so.</summary>
    public static LocationPlaces Anywhere { get; } = new(null, null);
}

/// <summary>Within which folders vaults of locations may lie.</summary>
/// <param name="Roots">Full paths.</param>
/// <param name="DataFolder">Of the system: databases and keys are in it, so of what it holds only the two folders for locations are
/// good.</param>
public sealed record LocationFolders(IReadOnlyList<string> Roots, string DataFolder)
{
    public const string Setting = "Worker:LocationRoots";

    /// <summary>The system's first location, and where others may lie if nothing else is said.</summary>
    public const string FirstName = "location", OthersName = "locations";

    /// <param name="vault">A folder: that of one project, in its location.</param>
    /// <param name="real">The path that another one stands for.</param>
    /// <returns>Why it may not lie there; null when it may.</returns>
    public string? FaultOf(string vault, Func<string, string> real)
    {
        var (place, data) = (real(vault), real(DataFolder));
        if (Path.GetDirectoryName(place) == real(Path.Combine(DataFolder, FirstName))) return null;
        var isOfSystem = IsWithin(place, data) && !IsWithin(place, real(Path.Combine(DataFolder, OthersName))) || IsWithin(data, place);
        if (isOfSystem) return "it lies in the data folder of the system, where no location may be";
        return Roots.Any(root => IsWithin(place, real(root))) ? null
            : $"it lies in none of the folders that {Setting} lists: {string.Join(", ", Roots)}";
    }

    static bool IsWithin(string path, string folder) =>
        path == folder || path.StartsWith(folder.TrimEnd('/') + "/", StringComparison.Ordinal);
}
