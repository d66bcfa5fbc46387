namespace VBackup.Vault.Model;

/// <summary>The rules of docs/session-protocol.md. Each can be broken on its own; docs/session-table.md says what is lost.</summary>
[Flags]
enum Rule : ulong
{
    None = 0,

    // Writers and readers.
    SessionBeforeCondemnations = 1UL << 0,
    CondemnationsBeforePacks = 1UL << 1,
    ReuseOnlyPresentPacks = 1UL << 2,
    ReuseNoCondemnedPacks = 1UL << 3,
    BaseCheckedAfterSession = 1UL << 4,
    PackBeforeItsIndex = 1UL << 5,
    PointAfterItsIndex = 1UL << 6,
    RevocationCheckedAfterPoint = 1UL << 7,
    EndedSessionsStay = 1UL << 8,
    DoubtfulPointDoesNotEnd = 1UL << 9,
    ReaderNamesItsPoint = 1UL << 10,
    ReaderLooksAgain = 1UL << 11,
    ReaderListsPacksBeforeDamage = 1UL << 12,
    ReaderChecksRevocationBeforeDamage = 1UL << 13,

    // Marking.
    PointsBeforeSessions = 1UL << 14,
    PointsReadBeforeSessions = 1UL << 15,
    DecisionsBeforeSessions = 1UL << 16,
    RegistrationCheckedAfterSessions = 1UL << 17,
    NamedPointsAreLive = 1UL << 18,
    NamedPointsReadBeforeSessions = 1UL << 19,
    BasesOfEndedSessionsAreLive = 1UL << 20,
    BasesAreLive = 1UL << 21,
    MissingNodeStops = 1UL << 22,
    UndecidedPointsAreLive = 1UL << 23,

    // Waiting and deciding.
    CondemnBeforeListingSessions = 1UL << 24,
    WaitForSessions = 1UL << 25,
    RevokeBeforeListingPoints = 1UL << 26,
    DecisionCreatedOnce = 1UL << 27,
    MarkAfterWaiting = 1UL << 28,

    // Deleting.
    OthersCondemnedNotCounted = 1UL << 29,
    OwnCondemnedNotCounted = 1UL << 30,
    CondemnationsBeforePacksInStep6 = 1UL << 31,
    HeldOnlyInPresentPacks = 1UL << 32,
    HeldOnlyInIndexedPacks = 1UL << 33,
    UnindexedPacksReadByFooter = 1UL << 34,
    EntriesOfAPackStayTogether = 1UL << 35,
    MergedBeforeReplaced = 1UL << 36,
    DropOnlyAbsentOfLaterListing = 1UL << 37,
    ReplaceOnlyWhatWasRead = 1UL << 38,
    DoubtfulDeletesKeepCondemnation = 1UL << 39,
    CondemnationOutlivesItsPacks = 1UL << 40,
    OthersCondemnationsOnlyWhenPacksGone = 1UL << 41,

    // Ended sessions.
    RemoveEndedOnlyAlone = 1UL << 42,
    EndedListedBeforeCollectors = 1UL << 43,
    DecisionsAreNeverRemoved = 1UL << 44,
    ExpelBeforeNotCounting = 1UL << 45,
    DoubtfulRegistrationIsGivenUp = 1UL << 46,

    DoubtfulPackIsGivenUp = 1UL << 53,

    DoubtfulPointIsSettled = 1UL << 54,
    DiscardBeforeLooking = 1UL << 55,

    // Repairs.
    CondemnDamagedBeforeStoringAnew = 1UL << 47,

    // Held to be needless: breaking them loses nothing.
    IndexAfterCondemnationsForWriters = 1UL << 48,
    CopyBeforeCondemning = 1UL << 49,
    IndexBeforeDeletingPacks = 1UL << 50,
    RepairHasSession = 1UL << 51,
    IndexBeforePacksInRepair = 1UL << 52,
}
