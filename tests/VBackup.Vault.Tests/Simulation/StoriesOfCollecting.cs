namespace VBackup.Vault.Tests.Simulation;

/// <summary>What collectors do to each other's work and to the index: rules R25 to R48.</summary>
internal static class StoriesOfCollecting
{
    public static Story[] All => [];
}
