using VBackup.Vault.Format;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>What collectors do to each other's work and to the index: rules R25 to R49.</summary>
internal static class StoriesOfCollecting
{
    private const string Points = ObjectNames.Points, Packs = ObjectNames.Packs, Indexes = ObjectNames.Indexes,
        Sessions = ObjectNames.Sessions, Collectors = ObjectNames.Collectors, Condemnations = ObjectNames.Condemnations;

    private static Part Collector => new(ActorKind.Collector);

    /// <summary>Takes every session for dead.</summary>
    private static Part Decider => Collector with { SessionTimeout = TimeSpan.Zero };

    /// <summary>Waits a little, then takes sessions for dead.</summary>
    private static Part LateDecider => Collector with { SessionTimeout = TimeSpan.FromSeconds(50) };

    /// <summary>Takes every other collector for dead.</summary>
    private static Part Expeller => Collector with { CollectorTimeout = TimeSpan.Zero };

    private static Part DeleterOf(Choice choice) => new(ActorKind.Deleter) { On = choice };

    private static Part FullOf(params int[] letters) => new(ActorKind.Writer) { Letters = letters };

    /// <summary>Builds on whatever point is new.</summary>
    private static Part Next => new(ActorKind.Writer) { On = Choice.Newest, Writes = Writes.Changes };

    /// <summary>A session begins after the collector has looked for sessions, and reuses what is condemned.</summary>
    public static Story NotWaitedFor { get; } = new("not waited for", () => [FullOf(1, 2), Collector],
        () =>
        [
            new(1, "put", Condemnations),
            new(1, "list look", Sessions),
            new(1, "list look", Points),
            new(0, "commit", Points),
            new(1),
            new(0),
        ]) { History = Past.HasGarbageAsync };

    /// <summary>A point is put while a collector that has condemned its packs marks.</summary>
    public static Story PutWhileMarked { get; } = new("put while marked",
        () => [FullOf(1, 2, 3), Collector with { SessionTimeout = TimeSpan.FromDays(1) }],
        () =>
        [
            new(0, "commit", Points),
            new(1, "put", Condemnations),
            new(1, "list look", Points),
            new(1, "list look", Sessions),
            new(0),
            new(1),
        ]);

    /// <summary>A point is put, and its writer looks for a revocation, just before that is put.</summary>
    public static Story JustBeforeItsRevocation { get; } = new("just before its revocation", () => [FullOf(1, 2), Decider],
        () => [new(0, "commit", Points), new(1, "put", Sessions), new(0), new(1)]);

    /// <summary>Two collectors decide on one session; one has seen its point, the other has not and deletes.</summary>
    public static Story TwoDecisions { get; } = new("two decisions", () => [FullOf(1, 2, 3), LateDecider, Decider],
        () =>
        [
            new(0, "commit", Points),
            new(1, "put", Condemnations),
            new(1, "create", Sessions),
            new(2, "put", Sessions, ObjectNames.RevokedSuffix),
            new(0),
            new(2, "create", Sessions),
            new(1, "delete", Packs),
            new(2, "list", "unfinished"),
            new(1),
        ]);

    /// <summary>A point that a decision leaves out is deleted while somebody who builds on it looks whether it counts.</summary>
    public static Story LeftOutAndBuiltOn { get; } = new("left out and built on",
        () => [FullOf(1, 2, 3), LateDecider, Next],
        () =>
        [
            new(0, "commit", Points),
            new(1, "put", Condemnations),
            new(1, "create", Sessions),
            new(0),
            new(1, "list look", Points),
            new(1, "exists", Collectors),
            new(2, "get", Sessions, ObjectNames.DecisionSuffix),
            new(1),
            new(2),
        ]);

    /// <summary>A new, condemned base is deleted before points are listed, and what is built on it is put after.</summary>
    private static Turn[] BuildOnWhatIsCondemned(params Turn[] before) =>
    [
        new(0, "commit", Points),
        .. before,
        new(1, "put", Condemnations),
        new(1, "wait"),
        new(0),
        new(2, "commit", Points),
        new(3),
        new(1, "list look", Points),
        new(1, "list look", Sessions),
        new(2),
    ];

    /// <summary>Only its session shows a collector that somebody builds on a deleted point.</summary>
    public static Story BaseIsDeleted { get; } = new("a base is deleted",
        () => [FullOf(1, 2, 3, 4), Collector, Next, DeleterOf(Choice.Newest)],
        () => [.. BuildOnWhatIsCondemned(), new(1)]) { History = _ => Task.CompletedTask };

    /// <summary>So it is, and another collector, which was there first, removes ended sessions.</summary>
    public static Story EndedIsRemoved { get; } = new("an ended session is removed",
        () => [FullOf(1, 2, 3, 4), Collector, Next, DeleterOf(Choice.Newest), Collector],
        () => [.. BuildOnWhatIsCondemned(new Turn(4, "list look", Sessions)), new(4, "list", "unfinished"), new(1)]);

    /// <summary>So it is, by a collector that takes the other for dead.</summary>
    public static Story EndedIsRemovedBySuccessor { get; } = new("an ended session is removed by a successor",
        () => [FullOf(1, 2, 3, 4), Collector, Next, DeleterOf(Choice.Newest), Expeller],
        () => [.. BuildOnWhatIsCondemned(), new(4, "list", "unfinished"), new(1)]);

    /// <summary>Somebody stores again what a collector has condemned, and his pack is there before its index object is.</summary>
    public static Story CopyWithoutIndex { get; } = new("a copy without an index",
        () => [FullOf(1, 2), Collector, FullOf(1, 2) with { On = Choice.Newest }],
        () =>
        [
            new(0, "commit", Points),
            new(1, "put", Condemnations),
            new(1, "wait"),
            new(0),
            new(2, "put", Indexes),
            new(1),
            new(2),
        ]);

    /// <summary>
    /// One collector has copied a chunk and condemns the original; another, which thinks the original good, condemns the copy.
    /// The index goes on to name the original, because a third merged what it had read before.
    /// </summary>
    public static Story OriginalAndCopy { get; } = new("original and copy",
        () => [Collector, Collector, Collector, DeleterOf(Choice.Oldest)],
        () =>
        [
            new(2, "put", Condemnations),
            new(2, "commit", Indexes),
            new(0, "list look", Condemnations),
            new(3),
            new(1, "put", Condemnations),
            new(0, "put", Condemnations),
            new(1, "list look", Condemnations),
            new(1, "list look", Packs),
            new(2),
            new(0, "list look", Condemnations),
            new(0, "get", Condemnations),
            new(1),
            new(0),
        ])
        {
            History = async world =>
            {
                var deleted = await Past.BackUpAsync(world, 1, 2, 3, 4);
                await Past.BackUpAsync(world, 1, 2);
                await Past.BackUpAsync(world, 1, 5, 6, 7);
                await Past.DeleteAsync(world, deleted);
            },
        };

    /// <summary>One collector has copied a chunk and condemned the original, another the copy. Neither has deleted yet.</summary>
    public static Story EachOthersCopy { get; } = new("each other's copy", () => [Collector, Collector, DeleterOf(Choice.Oldest)],
        () =>
        [
            new(0, "list look", Condemnations),
            new(2),
            new(1, "put", Condemnations),
            new(0, "put", Condemnations),
            new(0, "list look", Sessions),
            new(1, "list look", Condemnations),
            new(1, "list look", Packs),
            new(0, "delete", Packs),
            new(1),
            new(0),
        ])
        {
            History = async world =>
            {
                await Past.BackUpAsync(world, 1, 2);
                await Past.BackUpAsync(world, 1, 5, 6, 7);
            },
        };

    /// <summary>
    /// What two collectors have condemned is partly needed again. One merges its entries while the other lists the index.
    /// </summary>
    public static Story HiddenByMerge { get; } = new("hidden by a merge",
        () => [Collector, Collector, FullOf(1, 2), DeleterOf(Choice.Newest), FullOf(2)],
        () =>
        [
            new(2),
            new(3),
            new(4, "commit", Points),
            new(0, "put", Condemnations),
            new(1, "put", Condemnations),
            new(0, "wait"),
            new(4),
            new(0, "list look", Condemnations),
            new(0, "list look", Indexes),
            new(0, "list look", Indexes, nth: 2),
            new(1, "delete", Indexes),
            new(1, "delete", Indexes, nth: 2),
            new(0, "list look", Packs),
            new(1),
            new(0),
        ]);

    /// <summary>A backup comes and goes while a collector lists the index.</summary>
    public static Story WrittenWhileListed { get; } = new("written while the index is listed", () => [FullOf(5, 6, 7), Collector],
        () =>
        [
            new(1, "put", Condemnations),
            new(1, "list look", Condemnations),
            new(1, "list look", Indexes, nth: 2),
            new(0),
            new(1),
        ]) { History = Past.HasHalfGarbageAsync };

    /// <summary>A backup comes and goes while a collector is about to replace what it has read of the index.</summary>
    public static Story WrittenWhileMerged { get; } = new("written while the index is merged", () => [FullOf(5, 6, 7), Collector],
        () => [new(1, "delete", Indexes), new(0), new(1)]) { History = Past.HasHalfGarbageAsync };

    /// <summary>Garbage is backed up again between the last that a collector does and its leaving.</summary>
    public static Story ReusedBeforeLeaving { get; } = new("reused before the collector leaves", () => [FullOf(1, 2), Collector],
        () => [new(1, "delete", Collectors), new(0), new(1)]) { History = Past.HasGarbageAsync };

    /// <summary>A collector is taken for dead when it is about to delete what somebody else backs up again.</summary>
    public static Story WokenTooLate { get; } = new("woken too late", () => [FullOf(1, 2), Collector, Expeller],
        () =>
        [
            new(1, "put", Condemnations),
            new(1, "commit delete", Indexes),
            new(2, "list look", Sessions),
            new(0),
            new(1),
            new(2),
        ]) { History = Past.HasGarbageAsync };

    /// <summary>A collector meets a chunk twice: damaged, and stored anew by a repair that is not done.</summary>
    public static Story BesideRepair { get; } = new("beside a repair", () => [new(ActorKind.Repairer), Decider],
        () =>
        [
            new(0, "commit", Packs),
            new(0, "put", Sessions, ObjectNames.EndedSuffix),
            new(1),
            new(0),
        ]) { History = Past.HasDamageAsync };

    public static Story[] All =>
    [
        NotWaitedFor, PutWhileMarked, JustBeforeItsRevocation, TwoDecisions, LeftOutAndBuiltOn, BaseIsDeleted, EndedIsRemoved,
        EndedIsRemovedBySuccessor, CopyWithoutIndex, OriginalAndCopy, EachOthersCopy, HiddenByMerge, WrittenWhileListed,
        WrittenWhileMerged, ReusedBeforeLeaving, WokenTooLate, BesideRepair,
    ];
}
