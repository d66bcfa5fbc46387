using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Spooling;

/// <summary>What lies where in a spool. Packs are called as in the vault.</summary>
internal static class SpoolNames
{
    public const string Runs = "runs/";

    public static string Run(SessionId run) => $"{Runs}{run}/";
    public static string Sealed(SessionId run) => $"{Run(run)}sealed";
    public static string Point(SessionId run) => $"{Run(run)}point";
    public static string Marks(SessionId run) => $"{Run(run)}packs/";
    public static string Mark(SessionId run, ObjectId pack) => $"{Marks(run)}{pack}";

    /// <summary>Reads the run out of any name below <see cref="Runs"/>.</summary>
    public static bool TryParseRun(string name, out SessionId run)
    {
        run = default;
        return name.Length > Runs.Length + 33 && name.StartsWith(Runs, StringComparison.Ordinal)
            && name[Runs.Length + 32] == '/' && SessionId.TryParse(name.Substring(Runs.Length, 32), out run);
    }

    /// <summary>Reads a pack out of the name of a mark.</summary>
    public static bool TryParseMark(string name, out ObjectId pack)
    {
        pack = default;
        if (!TryParseRun(name, out var run) || !name.StartsWith(Marks(run), StringComparison.Ordinal)
            || !Bytes32.TryParse(name.AsSpan(Marks(run).Length), out var id)) return false;
        pack = new(id);
        return true;
    }
}
