using System.Text.RegularExpressions;

namespace VBackup.Architecture.Tests;

/// <summary>Rules about how files are named and what stands in them. Each is a function of one file, and says what is
/// wrong and where. They look at the text and know no C#: what a rule forbids cannot stand in a string or comment either,
/// so the tests' bad samples are written in two halves, and patterns so that they do not match themselves.</summary>
static partial class SourceRules
{
    public const int LinesMax = 600, ColumnsMax = 140;

    /// <summary>What is so long and has neither blanks nor parentheses is no code: a digest, a golden document. It stays in one
    /// piece.</summary>
    public const int PieceMin = 80;

    static readonly string[] NamesThatSayNothing =
        ["Manager", "Helper", "Helpers", "Util", "Utils", "Common", "Base", "Info", "Data"];

    public static IEnumerable<string> SwallowedExceptions(TextFile file) => Matches(
        file, EmptyCatch(), "an exception is swallowed: say in the block why that is right, or let it pass");

    public static IEnumerable<string> BlockingWaits(TextFile file) => Matches(
        file, BlockingWait(), "a thread waits for a task: await it");

    public static IEnumerable<string> EmptyNames(TextFile file)
    {
        var stem = Path.GetFileNameWithoutExtension(file.Name);
        if (NamesThatSayNothing.Any(ending => stem.EndsWith(ending, StringComparison.Ordinal)) || stem == "Extensions")
            yield return $"{file.Path}: the name says nothing: name what it does";
    }

    public static IEnumerable<string> Length(TextFile file)
    {
        var lines = file.Text.AsSpan().Count('\n');
        if (lines > LinesMax) yield return $"{file.Path}: {lines} lines, more than {LinesMax}: split it";
    }

    public static IEnumerable<string> Width(TextFile file)
    {
        for (var i = 0; i < file.Lines.Length; i++)
        {
            if (file.Lines[i].Length <= ColumnsMax || file.Lines[i].Split(' ', '(', ')').Any(piece => piece.Length >= PieceMin)) continue;
            yield return $"{file.Path}:{i + 1}: {file.Lines[i].Length} columns, more than {ColumnsMax}: break the line";
        }
    }

    /// <summary>The one project that may be unsafe: it hands memory to a library written in C.</summary>
    public const string UnsafeProject = "src/clouds/VBackup.Clouds.Ceph/VBackup.Clouds.Ceph.csproj";

    public static IEnumerable<string> UnsafeCode(TextFile file) => file.Path == UnsafeProject ? [] : Matches(
        file, AllowsUnsafe(), $"unsafe code belongs into {UnsafeProject} and nowhere else");

    /// <summary>Silencing the compiler takes a sentence that says why, on the line itself or just above.</summary>
    public static IEnumerable<string> SilencedWarnings(TextFile file)
    {
        for (var i = 0; i < file.Lines.Length; i++)
        {
            if (!Silences().IsMatch(file.Lines[i])) continue;
            var explained = SentenceBeside().IsMatch(file.Lines[i])
                || (i > 0 && SentenceAbove().IsMatch(file.Lines[i - 1]));
            if (!explained) yield return $"{file.Path}:{i + 1}: a warning is silenced without a sentence that says why";
        }
    }

    public static IEnumerable<string> SkippedTests(TextFile file) => Matches(
        file, ConstantSkip(), "a test that never runs: delete it, or skip it at run time when something is missing");

    /// <summary>Paths of one machine. Temporary folders come from the system, examples say /srv or /backup.</summary>
    public static IEnumerable<string> MachinePaths(TextFile file) => Matches(
        file, MachinePath(), "a path of one machine");

    public static IEnumerable<string> InternalFiles(TextFile file)
    {
        // A class may be called Plan: backup plans are what the product is about.
        if (!file.Name.EndsWith(".cs", StringComparison.Ordinal) && InternalName().IsMatch(file.Name))
            yield return $"{file.Path}: plans and notes do not belong here";
    }

    static IEnumerable<string> Matches(TextFile file, Regex forbidden, string complaint) =>
        forbidden.Matches(file.Text).Select(match => $"{file.At(match.Index)}: {complaint}");

    [GeneratedRegex(@"\bcatch\s*(\((?>[^()]|\((?<open>)|\)(?<-open>))*(?(open)(?!))\))?\s*
        (when\s*\((?>[^()]|\((?<open>)|\)(?<-open>))*(?(open)(?!))\))?\s*\{\s*\}", RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex EmptyCatch();

    [GeneratedRegex(@"\.\s*GetAwaiter\s*\(\s*\)\s*\.\s*GetResult\s*\(")]
    private static partial Regex BlockingWait();

    [GeneratedRegex(@"<\s*AllowUnsafe[B]locks")]
    private static partial Regex AllowsUnsafe();

    [GeneratedRegex(@"#pragma\s+warning\s+disable|\[.*\b(Unconditional)?Suppress[M]essage(Attribute)?\s*\(|<No[W]arn\b")]
    private static partial Regex Silences();

    // A sentence has at least three words.
    [GeneratedRegex(@"//\s*\S+\s+\S+\s+\S+|Justification\s*=\s*""\S+\s+\S+\s+\S+|<!--\s*\S+\s+\S+\s+\S+.*-->")]
    private static partial Regex SentenceBeside();

    // The end of a comment of several lines counts, whatever stands on its last line.
    [GeneratedRegex(@"^\s*(//\s*\S+\s+\S+\s+\S+|.*\S\s*-->\s*$)")]
    private static partial Regex SentenceAbove();

    [GeneratedRegex(@"\b(Fact|Theory)\s*\([^)]*\bSkip\s*=\s*""")]
    private static partial Regex ConstantSkip();

    [GeneratedRegex(@"(?<![\w.${}~/])/(?:(?:root|home|work|Users)/\w|tmp/[a-zA-Z]+[-/])")]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"^(TODO|FIXME|PLAN|NOTES?|SCRATCH|WIP|HANDOVER)([._-].*)?$", RegexOptions.IgnoreCase)]
    private static partial Regex InternalName();
}
