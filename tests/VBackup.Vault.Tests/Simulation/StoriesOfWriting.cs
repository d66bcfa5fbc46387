using VBackup.Vault.Format;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>What befalls writers and readers, and marks that look at them: rules R1 to R24.</summary>
internal static class StoriesOfWriting
{
    private static Part Collector => new(ActorKind.Collector);

    /// <summary>Takes sessions for dead at once.</summary>
    private static Part Revoker => Collector with { SessionTimeout = TimeSpan.Zero };

    /// <summary>Takes collectors for dead at once.</summary>
    private static Part Expeller => Collector with { CollectorTimeout = TimeSpan.Zero };

    /// <summary>Stores again what was deleted before the story began, or reuses it.</summary>
    private static Part Again => new(ActorKind.Writer) { Writes = Writes.Same };

    /// <summary>Builds on what is new.</summary>
    private static Part Successor => new(ActorKind.Writer) { On = Choice.Newest, Writes = Writes.Changes };

    private static Part DeleterOf(Choice on) => new(ActorKind.Deleter) { On = on };

    /// <summary>A backup lists condemnations before, and packs after, a collector condemns and lists sessions.</summary>
    public static Story BackupBesideCollection { get; } = new("a backup beside a collection", () => [Again, Collector],
        () =>
        [
            new(1, "put", ObjectNames.Condemnations),
            new(0, "list look", ObjectNames.Packs),
            new(1, "list look", ObjectNames.Points),
            new(0, "commit", ObjectNames.Points),
            new(1),
            new(0),
        ]) { History = HasGarbageAsync };

    /// <summary>A pack is deleted, and its condemnation removed, before a session that has begun lists condemnations.</summary>
    public static Story ReuseOfCollected { get; } = new("reuse of what is collected", () => [Again, Collector],
        () =>
        [
            new(1, "put", ObjectNames.Condemnations),
            new(1, "list look", ObjectNames.Points),
            new(0, "list look", ObjectNames.Condemnations),
            new(1),
            new(0),
        ]) { History = HasGarbageAsync };

    /// <summary>A backup begins when the collector looks for sessions no more and has not deleted yet.</summary>
    public static Story ReuseOfCondemned { get; } = new("reuse of what is condemned", () => [Again, Collector],
        () =>
        [
            new(1, "put", ObjectNames.Condemnations),
            new(1, "list look", ObjectNames.Points),
            new(0, "commit", ObjectNames.Points),
            new(1),
            new(0),
        ]) { History = HasGarbageAsync };

    /// <summary>One collector merges what it read of the index, after another has deleted a pack named there.</summary>
    public static Story StaleIndex { get; } = new("a stale index",
        () => [Collector, DeleterOf(Choice.Oldest), Collector, Again with { On = Choice.Oldest }],
        () => [new(0, "commit", ObjectNames.Indexes), new(1), new(2), new(0), new(3)])
        {
            History = world => HasKeptSomeAsync(world, 1, 2),
        };

    /// <summary>A collector merges the index while a backup's objects arrive.</summary>
    public static Story MergeBesideBackup { get; } = new("a merge beside a backup",
        () => [new(ActorKind.Writer), Collector],
        () =>
        [
            new(1, "put", ObjectNames.Condemnations),
            new(1, "list look", ObjectNames.Points),
            new(0, "commit", ObjectNames.Points),
            new(1, "commit delete", ObjectNames.Indexes),
            new(0),
            new(1),
        ]) { History = HasGarbageAsync };

    /// <summary>A session is revoked and decided just before its point is put.</summary>
    public static Story Revoked { get; } = new("revoked", () => [new(ActorKind.Writer), Revoker],
        () => [new(0, "commit", ObjectNames.Points), new(1, "list", "unfinished"), new(0)]);

    /// <summary>A point arrives some time after its writer was told that it failed.</summary>
    public static Story PointInDoubt { get; } = new("a point in doubt",
        () => [new(ActorKind.Writer) { Fails = (ObjectNames.Points, Fault.AppliedLate) }, Collector],
        () => [new(0), new(1)]);

    /// <summary>Two collectors condemn a pack. One deletes it; the other is slow, and deletes it if it is there again.</summary>
    public static Story PackComesBack { get; } = new("a pack comes back", () => [Collector, Collector, Collector, Again],
        () =>
        [
            new(0, "put", ObjectNames.Condemnations),
            new(1, "put", ObjectNames.Condemnations),
            new(1, "list look", ObjectNames.Condemnations),
            new(0),
            // It puts unindexed packs into the index.
            new(2, "put", ObjectNames.Condemnations),
            new(3, "commit", ObjectNames.Points),
            new(1),
            new(3),
        ]) { History = HasGarbageAsync };

    /// <summary>A point is deleted, and its packs are, while it is restored by one who was taken for dead.</summary>
    public static Story ReadingWhatIsDeleted { get; } = new("reading what is deleted",
        () => [new(ActorKind.Reader), DeleterOf(Choice.Any), Revoker],
        () => [new(0, "read", ObjectNames.Packs), new(1), new(2), new(0)])
        {
            History = world => BackUpAsync(world, 1, 2, 3, 4, 5),
        };

    /// <summary>A point whose packs were rewritten is restored. Twice, an index object vanishes after it was listed.</summary>
    public static Story ReadingAmongMerges { get; } = new("reading among merges",
        () => [Collector, DeleterOf(Choice.Oldest), Collector, new(ActorKind.Reader) { On = Choice.Oldest }],
        () =>
        [
            new(0, "delete", ObjectNames.Indexes),
            new(1),
            new(2, "delete", ObjectNames.Indexes),
            new(3, "tail", ObjectNames.Indexes),
            new(0, "delete", ObjectNames.Packs),
            new(3, "list look", ObjectNames.Indexes),
            new(3, "tail", ObjectNames.Indexes),
            new(2, "delete", ObjectNames.Packs),
            new(3),
        ])
        {
            History = async world =>
            {
                await BackUpAsync(world, 6);
                await HasKeptSomeAsync(world, 1, 3);
                await world.Vault(new DirectStore(world)).CollectAsync();
                await DeleteAsync(world, await BackUpAsync(world, 5));
            },
        };

    /// <summary>A collector is taken for dead while it copies, and its successor discards what it has not finished.</summary>
    public static Story ExpelledWhileCopying { get; } = new("expelled while copying", () => [Collector, Expeller],
        () => [new(0, "commit", ObjectNames.Packs), new(1), new(0)])
        {
            History = world => HasKeptSomeAsync(world, 1, 3),
        };

    // A backup that reuses what is condemned a little later is waited for. By its point, others build on what is condemned
    // without being waited for. In what follows, these are:
    private const int First = 0, Collects = 1, Builds = 2, Deletes = 3, Meddles = 4, BuildsOnThat = 5, DeletesThat = 6;

    private static Story Chain(string name, Part meddler, params Func<Turn>[] turns) => new(name,
        () => [.. new[] { Again, Collector, Successor, DeleterOf(Choice.Newest), meddler, Successor, DeleterOf(Choice.Newest) }
            .Take(turns.Max(turn => turn().Actor) + 1)],
        () =>
        [
            new(Collects, "put", ObjectNames.Condemnations),
            new(First, "list look", ObjectNames.Indexes),
            new(Collects, "wait"),
            new(First),
            new(Collects, "list look", ObjectNames.Points),
            .. turns.Select(turn => turn()),
        ]) { History = HasGarbageAsync };

    /// <summary>A base is deleted, and a collector marks, before the session that names it is put.</summary>
    public static Story BaseIsDeletedBefore { get; } = Chain("a base is deleted before", Collector,
        () => new(Builds, "put", ObjectNames.Sessions),
        () => new(Deletes),
        () => new(Collects, "exists", ObjectNames.Collectors),
        () => new(Builds, "commit", ObjectNames.Points),
        () => new(Collects),
        () => new(Builds));

    /// <summary>A base is deleted before points are listed, and what is built on it is put after.</summary>
    public static Story BaseIsDeletedMeanwhile { get; } = Chain("a base is deleted meanwhile", Collector,
        () => new(Builds, "commit", ObjectNames.Points),
        () => new(Deletes),
        () => new(Collects, "list look", ObjectNames.Sessions),
        () => new(Builds),
        () => new(Collects));

    /// <summary>A base is deleted between the listing and the reading of points.</summary>
    public static Story BaseIsDeletedWhileRead { get; } = Chain("a base is deleted while points are read", Collector,
        () => new(Collects, "get", ObjectNames.Points),
        () => new(Builds, "commit", ObjectNames.Points),
        () => new(Deletes, "delete"),
        () => new(Builds),
        () => new(Deletes),
        () => new(Collects));

    /// <summary>As when a base is deleted meanwhile, and another removes the ended session before sessions are listed.</summary>
    public static Story Expelled { get; } = Chain("expelled", Expeller,
        () => new(Builds, "commit", ObjectNames.Points),
        () => new(Deletes),
        () => new(Collects, "list look", ObjectNames.Sessions),
        () => new(Builds),
        () => new(Meddles, "commit", ObjectNames.Packs),
        () => new(Collects));

    /// <summary>A point is put after points are listed, and named by a decision before decisions are.</summary>
    public static Story DecidedWhileMarked { get; } = Chain("decided while marked", Revoker,
        () => new(Builds, "commit", ObjectNames.Points),
        () => new(Deletes),
        () => new(Collects, "list look", ObjectNames.Sessions),
        () => new(Builds, "exists", ObjectNames.Sessions),
        () => new(Meddles, "list", "unfinished"),
        () => new(Collects));

    /// <summary>A point that a decision names is built on and deleted before it is read.</summary>
    public static Story NamedPointIsDeleted { get; } = Chain("a named point is deleted", Revoker,
        () => new(Builds, "commit", ObjectNames.Points),
        () => new(Deletes),
        () => new(Collects, "list look", ObjectNames.Sessions),
        () => new(Builds, "exists", ObjectNames.Sessions),
        () => new(Meddles, "list", "unfinished"),
        () => new(Collects, "get", ObjectNames.Points),
        () => new(BuildsOnThat, "commit", ObjectNames.Points),
        () => new(DeletesThat, "delete"),
        () => new(BuildsOnThat),
        () => new(DeletesThat),
        () => new(Collects));

    /// <summary>A point that a decision is about to leave out is built on.</summary>
    public static Story LateDecision { get; } = Chain("a late decision", Revoker,
        () => new(Builds, "commit", ObjectNames.Points),
        () => new(Deletes),
        () => new(Collects, "list look", ObjectNames.Sessions),
        () => new(Meddles, "create", ObjectNames.Sessions),
        () => new(Builds, "exists", ObjectNames.Sessions),
        () => new(BuildsOnThat),
        () => new(Meddles, "list", "unfinished"),
        () => new(Collects));

    public static Story[] All =>
    [
        BackupBesideCollection, ReuseOfCollected, ReuseOfCondemned, StaleIndex, MergeBesideBackup, Revoked, PointInDoubt,
        PackComesBack, ReadingWhatIsDeleted, ReadingAmongMerges, ExpelledWhileCopying, BaseIsDeletedBefore,
        BaseIsDeletedMeanwhile, BaseIsDeletedWhileRead, Expelled, DecidedWhileMarked, NamedPointIsDeleted, LateDecision,
    ];

    private static async Task HasGarbageAsync(SimulatedWorld world) =>
        await DeleteAsync(world, await BackUpAsync(world, 1, 2, 3, 4, 5));

    /// <summary>Four chunks, two to a pack; a point that needs these is left.</summary>
    private static async Task HasKeptSomeAsync(SimulatedWorld world, params int[] kept)
    {
        var all = await BackUpAsync(world, 1, 2, 3, 4);
        await BackUpAsync(world, kept);
        await DeleteAsync(world, all);
    }

    private static async Task<KnownPoint> BackUpAsync(SimulatedWorld world, params int[] letters)
    {
        var content = Volumes.Of(letters);
        world.Truth.ExpectNext(content);
        var point = await world.Vault(new DirectStore(world)).BackUpAsync(content);
        world.Truth.Promise(point);
        return world.Truth.Find(point);
    }

    private static async Task DeleteAsync(SimulatedWorld world, KnownPoint point)
    {
        point.WasDeleted = true;
        await world.Vault(new DirectStore(world)).DeleteAsync(point.Document);
    }
}
