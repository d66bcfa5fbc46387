namespace VBackup.Architecture.Tests;

/// <summary>The files of the clone that this test was built from, without what builds and tools make.</summary>
static class Repository
{
    static readonly string[] NotOurs = ["bin", "obj", "artifacts", ".git", ".vs", ".idea", "__pycache__", "TestResults"];
    static readonly string[] Binary = [".png", ".zst", ".raw", ".pack"];

    public static string Root { get; } = FindRoot();

    /// <summary>Paths from the root, with forward slashes, in ordinal order.</summary>
    public static IReadOnlyList<string> Files { get; } = ListFiles();

    public static string FullPath(string path) => Path.Combine(Root, path);

    public static TextFile Read(string path) => new(path, File.ReadAllText(FullPath(path)));

    /// <summary>Every file whose content is written by people: not lock files, golden data or pictures.</summary>
    public static IEnumerable<TextFile> Texts() => Files
        .Where(path => !path.EndsWith("packages.lock.json", StringComparison.Ordinal)
            && !path.Contains("/golden/", StringComparison.Ordinal)
            && !Binary.Contains(Path.GetExtension(path)))
        .Select(Read);

    public static IEnumerable<TextFile> TextsNamed(params string[] endings) =>
        Texts().Where(file => endings.Any(ending => file.Path.EndsWith(ending, StringComparison.Ordinal)));

    static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "vBackup.slnx")))
            folder = folder.Parent ?? throw new InvalidOperationException("vBackup.slnx is in no folder above the test");
        return folder.FullName;
    }

    static List<string> ListFiles()
    {
        var found = new List<string>();
        Visit(new DirectoryInfo(Root));
        found.Sort(StringComparer.Ordinal);
        return found;

        void Visit(DirectoryInfo folder)
        {
            // A link is not followed: it may lead out of the clone, or in a circle. A worktree's .git is a file.
            foreach (var entry in folder.EnumerateFileSystemInfos())
            {
                if (entry.LinkTarget is not null || NotOurs.Contains(entry.Name)) continue;
                if (entry is DirectoryInfo inner) Visit(inner);
                else found.Add(Path.GetRelativePath(Root, entry.FullName).Replace('\\', '/'));
            }
        }
    }
}

/// <summary>A file's path from the root, and what it says.</summary>
sealed record TextFile(string Path, string Text)
{
    public string[] Lines { get; } = Text.Split('\n');

    public override string ToString() => Path;

    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>Where a position in the text is, as compilers say it.</summary>
    public string At(int position) => $"{Path}:{Text.AsSpan(0, position).Count('\n') + 1}";

    public bool IsBash => Text.StartsWith("#!/usr/bin/env bash\n", StringComparison.Ordinal)
        || Text.StartsWith("#!/bin/bash\n", StringComparison.Ordinal)
        || Path.EndsWith(".sh", StringComparison.Ordinal);
}
