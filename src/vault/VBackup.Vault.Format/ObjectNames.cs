using System.Globalization;
using System.Security.Cryptography;
using VBackup.Primitives;

namespace VBackup.Vault.Format;

/// <summary>What a vault's objects are called in a store.</summary>
public static class ObjectNames
{
    public const string Header = "vault";
    public const string Keys = "keys/";
    public const string Packs = "packs/";
    public const string Indexes = "index/";
    public const string Points = "points/";
    public const string Sessions = "sessions/";
    public const string Collectors = "collectors/";
    public const string Condemnations = "condemned/";
    public const string Catalogues = "catalogue/";

    /// <summary>What copies of the locked key were called before each had a name of its own.</summary>
    public const string LockedKey = Catalogues + "key";

    private const int LockedKeyIdSize = 16;

    public const string EndedSuffix = ".ended";
    public const string RevokedSuffix = ".revoked";
    public const string DecisionSuffix = ".decision";
    public const string BeatSuffix = ".beat";

    public static string Pack(ObjectId id)
    {
        var hex = id.ToString();
        return string.Concat(Packs, hex.AsSpan(0, 2), "/", hex);
    }

    public static string Index(ObjectId id) => Indexes + id;
    public static string Point(PointId id) => Points + id;
    public static string Session(SessionId id) => Sessions + id;
    public static string Ended(SessionId id) => Session(id) + EndedSuffix;
    public static string Revoked(SessionId id) => Session(id) + RevokedSuffix;
    public static string Decision(SessionId id) => Session(id) + DecisionSuffix;
    public static string Beat(SessionId id) => Session(id) + BeatSuffix;
    public static string Collector(SessionId id) => Collectors + id;
    public static string CondemnationsOf(SessionId id) => $"{Condemnations}{id}/";
    public static string Condemnation(SessionId id, int number) => $"{Condemnations}{id}/{number:d8}";

    public static string Catalogue(long generation) => $"{Catalogues}{generation:x16}";

    /// <summary>What opens the vault, locked with something that is not here; its form is its owner's. It is named by its content: where
    /// the store holds it, another one cannot take its name.</summary>
    public static string LockedKeyOf(ReadOnlySpan<byte> content) =>
        $"{LockedKey}-{Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, LockedKeyIdSize))}";

    public static bool IsLockedKey(string name) => name == LockedKey
        || name.Length == LockedKey.Length + 1 + 2 * LockedKeyIdSize && name.StartsWith(LockedKey + "-", StringComparison.Ordinal)
            && name.Skip(LockedKey.Length + 1).All(char.IsAsciiHexDigitLower);

    public static bool TryParsePack(string name, out ObjectId id)
    {
        id = default;
        if (name.Length != Packs.Length + 3 + 64 || !name.StartsWith(Packs, StringComparison.Ordinal)
            || !Bytes32.TryParse(name.AsSpan(Packs.Length + 3), out var value)) return false;
        id = new(value);
        return Pack(id) == name;
    }

    public static bool TryParseIndex(string name, out ObjectId id)
    {
        id = default;
        if (!name.StartsWith(Indexes, StringComparison.Ordinal)
            || !Bytes32.TryParse(name.AsSpan(Indexes.Length), out var value)) return false;
        id = new(value);
        return true;
    }

    public static bool TryParsePoint(string name, out PointId id)
    {
        id = default;
        return name.StartsWith(Points, StringComparison.Ordinal) && PointId.TryParse(name[Points.Length..], out id);
    }

    public static bool TryParseCollector(string name, out SessionId id)
    {
        id = default;
        return name.StartsWith(Collectors, StringComparison.Ordinal)
            && SessionId.TryParse(name[Collectors.Length..], out id);
    }

    /// <summary>Reads <c>condemned/&lt;collector&gt;/&lt;number&gt;</c>.</summary>
    public static bool TryParseCondemnation(string name, out SessionId collector)
    {
        collector = default;
        return name.Length == Condemnations.Length + 32 + 1 + 8
            && name.StartsWith(Condemnations, StringComparison.Ordinal)
            && name[Condemnations.Length + 32] == '/' && !name.AsSpan(Condemnations.Length + 33).ContainsAnyExceptInRange('0', '9')
            && SessionId.TryParse(name.Substring(Condemnations.Length, 32), out collector);
    }

    /// <summary>Reads a catalogue's name; the generation is what it is ordered by.</summary>
    public static bool TryParseCatalogue(string name, out long generation)
    {
        generation = 0;
        return name.StartsWith(Catalogues, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(Catalogues.Length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out generation)
            && generation > 0 && Catalogue(generation) == name;
    }

    /// <summary>Reads a session object's name; <paramref name="suffix"/> is empty for the session itself.</summary>
    public static bool TryParseSession(string name, out SessionId id, out string suffix)
    {
        id = default;
        suffix = "";
        if (name.Length < Sessions.Length + 32 || !name.StartsWith(Sessions, StringComparison.Ordinal)
            || !SessionId.TryParse(name.Substring(Sessions.Length, 32), out id)) return false;
        suffix = name[(Sessions.Length + 32)..];
        return suffix is "" or EndedSuffix or RevokedSuffix or DecisionSuffix or BeatSuffix;
    }
}
