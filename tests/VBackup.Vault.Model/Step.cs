namespace VBackup.Vault.Model;

/// <summary>One atomic step of an actor: at most one change of one object, or one listing.</summary>
enum Step : byte
{
    Stop,

    // Sessions: writers, readers, repairs.
    PutSession,
    ListCondemnationsToReuse,
    ReadIndexToReuse,
    ListPacksToReuse,
    ReadBase,
    ReadDecisionOfBase,
    PutPack,
    PutIndex,
    PutPoint,
    DiscardUnfinished,
    LookForDoubtfulPoint,
    PutSecondPoint,
    LookForRevocation,
    EndSession,

    // Readers.
    GetHintedPack,
    ReadIndexForChunk,
    GetPacksForChunk,
    ReadIndexAgain,
    GetPacksAgain,
    ListPacksForChunk,
    LookForRevocationBeforeDamage,

    // Deleters and operators.
    DeletePoint,
    Expel,
    ApplyLateRegistration,
    ApplyLatePack,
    ApplySecondArrival,

    // Collectors.
    Register,
    Guess,
    PutCopy,
    IndexCopy,
    Condemn,
    ListSessionsToWait,
    Wait,
    Revoke,
    ListPointsToDecide,
    Decide,
    ListPoints,
    ReadPoints,
    ListDecisions,
    ReadNamedPoints,
    ListSessions,
    ListSessionsAndDecisions,
    CheckRegistration,
    WalkTrees,
    ListCondemnations,
    ReadIndex,
    ListPacks,
    Plan,
    PutMerged,
    DeleteReplaced,
    DeletePacks,
    RemoveOwnCondemnation,
    RemoveOtherCondemnations,
    ListEnded,
    ListCollectors,
    DeleteLeftOutPoints,
    RemoveDecisions,
    RemoveEnded,
    Unregister,

    // Repairs.
    CondemnDamaged,
    StoreAnew,
    IndexAnew,
    ReadIndexToRepair,
    ListPacksToRepair,
    PutRebuiltIndex,
    DeleteUnreadableIndex,
}

static class Steps
{
    public static Listing Listing(this Step step) => step switch
    {
        Step.ListPoints or Step.ReadPoints or Step.ReadNamedPoints or Step.ListPointsToDecide => Model.Listing.Points,
        Step.ListCondemnations or Step.ListCondemnationsToReuse => Model.Listing.Condemnations,
        Step.ReadIndex or Step.ReadIndexToReuse or Step.ReadIndexForChunk or Step.ReadIndexAgain or Step.WalkTrees
            or Step.ReadIndexToRepair => Model.Listing.Index,
        Step.ListPacks or Step.ListPacksToReuse or Step.GetPacksForChunk or Step.GetPacksAgain or Step.ListPacksForChunk
            or Step.ListPacksToRepair => Model.Listing.Packs,
        Step.ListSessions or Step.ListSessionsToWait => Model.Listing.Sessions,
        Step.ListDecisions => Model.Listing.Decisions,
        Step.ListSessionsAndDecisions => Model.Listing.SessionsAndDecisions,
        Step.ListEnded => Model.Listing.Ended,
        Step.ListCollectors => Model.Listing.Collectors,
        _ => Model.Listing.None,
    };
}
