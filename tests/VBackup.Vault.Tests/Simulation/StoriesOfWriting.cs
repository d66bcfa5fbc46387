using VBackup.Vault.Format;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>What befalls writers and readers, and marks that look at them: rules R1 to R24.</summary>
internal static class StoriesOfWriting
{
    /// <summary>A pack is condemned and deleted, and its condemnation removed, while a writer looks for both.</summary>
    public static Story ReuseOfCondemned { get; } = new("reuse of what is condemned",
        () => [new(ActorKind.Writer) { On = Choice.Favourite, Writes = Writes.Same }, new(ActorKind.Collector)],
        () =>
        [
            new(1, "put", ObjectNames.Condemnations),
            new(0, "list look", ObjectNames.Condemnations),
            new(1, "list look", ObjectNames.Sessions),
            new(0, "commit", ObjectNames.Packs),
            new(1),
            new(0),
        ]);

    public static Story[] All => [ReuseOfCondemned];
}
