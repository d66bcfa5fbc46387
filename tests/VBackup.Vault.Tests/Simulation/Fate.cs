using VBackup.Vault.Format;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>Decides what will befall an actor: where it falls back, stands still, fails, or dies.</summary>
internal static class Fate
{
    private static readonly string[] s_written =
    [
        ObjectNames.Points, ObjectNames.Packs, ObjectNames.Indexes, ObjectNames.Sessions, ObjectNames.Condemnations, ObjectNames.Collectors,
    ];

    /// <summary>Steps at which it matters who goes on.</summary>
    private static readonly Dictionary<ActorKind, (string Verbs, string Prefix, string Suffix)[]> s_turningPoints = new()
    {
        [ActorKind.Writer] =
        [
            ("put", ObjectNames.Sessions, ""), ("list look", ObjectNames.Condemnations, ""), ("list look", ObjectNames.Indexes, ""),
            ("read", ObjectNames.Indexes, ""), ("list look", ObjectNames.Packs, ""), ("exists", ObjectNames.Points, ""),
            ("get", ObjectNames.Sessions, ObjectNames.DecisionSuffix), ("commit", ObjectNames.Packs, ""), ("put", ObjectNames.Indexes, ""),
            ("commit", ObjectNames.Points, ""), ("commit", ObjectNames.Points, ""), ("commit", ObjectNames.Points, ""),
            ("exists", ObjectNames.Sessions, ObjectNames.RevokedSuffix), ("put", ObjectNames.Sessions, ObjectNames.EndedSuffix),
        ],
        [ActorKind.Reader] =
        [
            ("put", ObjectNames.Sessions, ""), ("exists", ObjectNames.Points, ""), ("read", ObjectNames.Packs, ""),
            ("list look", ObjectNames.Indexes, ""), ("tail", ObjectNames.Indexes, ""), ("read", ObjectNames.Indexes, ""),
            ("list look", ObjectNames.Packs, ""),
        ],
        [ActorKind.Verifier] =
        [
            ("list look", ObjectNames.Points, ""), ("put", ObjectNames.Sessions, ""), ("exists", ObjectNames.Points, ""),
            ("list look", ObjectNames.Condemnations, ""), ("list look", ObjectNames.Indexes, ""), ("read", ObjectNames.Indexes, ""),
            ("list look", ObjectNames.Packs, ""), ("read", ObjectNames.Packs, ""), ("tail", ObjectNames.Packs, ""),
            ("list look", ObjectNames.Packs, ""), ("list look", ObjectNames.Indexes, ""),
        ],
        [ActorKind.Deleter] = [("delete", ObjectNames.Points, "")],
        [ActorKind.Collector] =
        [
            ("list look", ObjectNames.Points, ""), ("get", ObjectNames.Points, ""), ("list look", ObjectNames.Sessions, ""),
            ("get", ObjectNames.Sessions, ""), ("exists", ObjectNames.Collectors, ""), ("list look", ObjectNames.Condemnations, ""),
            ("list look", ObjectNames.Indexes, ""), ("read", ObjectNames.Indexes, ""), ("list look", ObjectNames.Packs, ""),
            ("put", ObjectNames.Condemnations, ""), ("put", ObjectNames.Sessions, ObjectNames.RevokedSuffix),
            ("create", ObjectNames.Sessions, ""), ("commit", ObjectNames.Packs, ""), ("commit", ObjectNames.Indexes, ""),
            ("delete", ObjectNames.Indexes, ""), ("delete", ObjectNames.Packs, ""), ("delete", ObjectNames.Condemnations, ""),
            ("list look", ObjectNames.Collectors, ""), ("delete", ObjectNames.Sessions, ""), ("delete", ObjectNames.Collectors, ""),
        ],
        [ActorKind.Repairer] =
        [
            ("list look", ObjectNames.Indexes, ""), ("list look", ObjectNames.Packs, ""), ("read", ObjectNames.Packs, ""),
            ("put", ObjectNames.Condemnations, ""), ("commit", ObjectNames.Packs, ""), ("put", ObjectNames.Indexes, ""),
            ("put", ObjectNames.Sessions, ObjectNames.EndedSuffix),
        ],
    };

    /// <summary>Nothing happens to it.</summary>
    public static void Rank(Scheduler scheduler, Actor actor) => actor.Rank = scheduler.Random.Next(1_000_000);

    public static void Decide(Scheduler scheduler, Actor actor)
    {
        Rank(scheduler, actor);
        var random = scheduler.Random;
        if (!scheduler.IsRanked && random.Next(2) == 0) actor.FrozenUntil = random.Next(400);
        var points = s_turningPoints[actor.Kind];
        for (var pauses = random.Next(4); pauses > 0; pauses--)
        {
            var (verbs, prefix, suffix) = points[random.Next(points.Length)];
            actor.Pauses.Add(new(verbs, prefix, suffix, random.Next(1, random.Next(2) == 0 ? 3 : 9)));
        }
        if (random.Next(10) == 0) actor.DiesAt = random.Next(1, 90);
        if (random.Next(4) == 0) (actor.FreezesAt, actor.FrozenFor) = (random.Next(1, 90), random.Next(5, 1500));
        if (random.Next(8) > 0) return;
        (actor.FailsAt, actor.Fault) = (random.Next(1, 90), (Fault)random.Next(1, 4));
        if (random.Next(2) == 0) (actor.FailsAt, actor.FailsOn) = (0, s_written[random.Next(s_written.Length)]);
    }
}
