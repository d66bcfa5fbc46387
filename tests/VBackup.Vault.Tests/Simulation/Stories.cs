namespace VBackup.Vault.Tests.Simulation;

/// <summary>Every story that is told: half of all seeds take one of them.</summary>
internal static class Stories
{
    public static Story[] All { get; } = [.. StoriesOfWriting.All, .. StoriesOfCollecting.All];
}
