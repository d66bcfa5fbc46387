namespace VBackup.Vault.Model;

/// <summary>What a collector of a scenario does beyond marking and deleting. Less work means a smaller scenario.</summary>
[Flags]
enum CollectorTasks
{
    None = 0,
    Copy = 1,
    Consolidate = 2,
    RemoveEnded = 4,

    /// <summary>Removes others' condemnations once their packs are gone.</summary>
    Tidy = 8,

    /// <summary>Walks trees by what the index shows.</summary>
    Walk = 16,

    /// <summary>Only decides about sessions: it neither marks nor deletes.</summary>
    OnlyDecide = 32,
}

/// <summary>The order of a collector's steps. A broken rule about an order is another order.</summary>
static class CollectorProgram
{
    public static IEnumerable<Step> For(Rule broken, CollectorTasks tasks)
    {
        Step[] decide = Has(broken, Rule.RevokeBeforeListingPoints)
            ? [Step.ListPointsToDecide, Step.Revoke, Step.Decide]
            : [Step.Revoke, Step.ListPointsToDecide, Step.Decide];
        if (Has(tasks, CollectorTasks.OnlyDecide))
        {
            return [Step.Register, Step.ListSessionsToWait, Step.Wait, .. decide, Step.Unregister];
        }

        Step[] walk = Has(tasks, CollectorTasks.Walk) ? [Step.WalkTrees] : [];
        Step[] mark = [.. Mark(broken), .. walk];
        Step[] wait = Has(broken, Rule.WaitForSessions) ? [] : [Step.ListSessionsToWait, Step.Wait, .. decide];
        Step[] condemn = Condemn(broken, tasks);
        Step[] collect = Has(broken, Rule.CondemnBeforeListingSessions) && wait.Length > 0
                ? [Step.ListSessionsToWait, Step.Guess, .. condemn, Step.Wait, .. decide, .. mark]
            : Has(broken, Rule.MarkAfterWaiting) ? [Step.Guess, .. condemn, .. mark, .. wait]
            : [Step.Guess, .. condemn, .. wait, .. mark];
        return [Step.Register, .. collect, .. Delete(broken, tasks), .. RemoveEnded(broken, tasks), Step.Unregister];
    }

    public static bool IsOfMark(Step step) => step is Step.ListPoints or Step.ReadPoints or Step.ListDecisions
        or Step.ReadNamedPoints or Step.ListSessions or Step.ListSessionsAndDecisions or Step.CheckRegistration;

    public static Step AfterWaiting(Step[] program) =>
        program[Array.LastIndexOf(program, Step.Decide) + 1];

    static bool Has(Rule broken, Rule rule) => (broken & rule) != 0;

    static bool Has(CollectorTasks tasks, CollectorTasks task) => (tasks & task) != 0;

    static Step[] Condemn(Rule broken, CollectorTasks tasks) =>
        !Has(tasks, CollectorTasks.Copy) ? [Step.Condemn]
        : Has(broken, Rule.CopyBeforeCondemning) ? [Step.Condemn, Step.PutCopy, Step.IndexCopy]
        : [Step.PutCopy, Step.IndexCopy, Step.Condemn];

    static Step[] Mark(Rule broken)
    {
        Step[] check = Has(broken, Rule.RegistrationCheckedAfterSessions) ? [] : [Step.CheckRegistration];
        if (Has(broken, Rule.PointsBeforeSessions))
        {
            return [Step.ListDecisions, Step.ListSessions, .. check, Step.ListPoints, Step.ReadNamedPoints];
        }

        if (Has(broken, Rule.PointsReadBeforeSessions))
        {
            return [Step.ListPoints, Step.ListDecisions, Step.ReadNamedPoints, Step.ListSessions, .. check, Step.ReadPoints];
        }

        if (Has(broken, Rule.NamedPointsReadBeforeSessions))
        {
            return [Step.ListPoints, Step.ListDecisions, Step.ListSessions, .. check, Step.ReadNamedPoints];
        }

        if (Has(broken, Rule.DecisionsBeforeSessions))
        {
            return [Step.ListPoints, Step.ListSessionsAndDecisions, .. check, Step.ReadNamedPoints];
        }

        return [Step.ListPoints, Step.ListDecisions, Step.ReadNamedPoints, Step.ListSessions, .. check];
    }

    static Step[] Delete(Rule broken, CollectorTasks tasks)
    {
        Step[] look = Has(broken, Rule.CondemnationsBeforePacksInStep6)
                ? [Step.ReadIndex, Step.ListPacks, Step.ListCondemnations]
            : Has(broken, Rule.DropOnlyAbsentOfLaterListing)
                ? [Step.ListCondemnations, Step.ListPacks, Step.ReadIndex]
            : [Step.ListCondemnations, Step.ReadIndex, Step.ListPacks];
        Step[] index = !Has(tasks, CollectorTasks.Consolidate) ? []
            : Has(broken, Rule.MergedBeforeReplaced) ? [Step.DeleteReplaced, Step.PutMerged]
            : [Step.PutMerged, Step.DeleteReplaced];
        Step[] packs = Has(broken, Rule.IndexBeforeDeletingPacks) ? [Step.DeletePacks, .. index] : [.. index, Step.DeletePacks];
        Step[] end = Has(broken, Rule.CondemnationOutlivesItsPacks)
            ? [Step.RemoveOwnCondemnation, .. packs]
            : [.. packs, Step.RemoveOwnCondemnation];
        Step[] tidy = Has(tasks, CollectorTasks.Tidy) ? [Step.RemoveOtherCondemnations] : [];
        return [.. look, Step.Plan, .. end, .. tidy];
    }

    static Step[] RemoveEnded(Rule broken, CollectorTasks tasks)
    {
        if (!Has(tasks, CollectorTasks.RemoveEnded)) return [];
        Step[] look = Has(broken, Rule.EndedListedBeforeCollectors)
            ? [Step.ListCollectors, Step.ListEnded]
            : [Step.ListEnded, Step.ListCollectors];
        Step[] decisions = Has(broken, Rule.DecisionsAreNeverRemoved) ? [Step.RemoveDecisions] : [];
        return [.. look, Step.DeleteLeftOutPoints, .. decisions, Step.RemoveEnded];
    }
}
