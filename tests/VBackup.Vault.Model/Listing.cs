namespace VBackup.Vault.Model;

/// <summary>What an actor looks at in its next step, each name on its own.</summary>
enum Listing : byte
{
    None,
    Points,
    Condemnations,
    Index,
    Packs,
    Sessions,
    Decisions,
    Ended,
    Collectors,

    /// <summary>Bits 0–3 sessions, bits 4–7 decisions: both from one listing.</summary>
    SessionsAndDecisions,
}

static class Listings
{
    public static ushort NamesIn(this in World world, Listing listing) => (ushort)(listing switch
    {
        Listing.Points => world.Points,
        Listing.Condemnations => world.Condemnations,
        Listing.Index => world.Index,
        Listing.Packs => world.Packs,
        Listing.Sessions => world.SessionsWith(SessionBits.Present),
        Listing.Decisions => world.SessionsWith(SessionBits.Decided),
        Listing.Ended => world.SessionsWith(SessionBits.Ended),
        Listing.Collectors => world.Registered,
        Listing.SessionsAndDecisions =>
            world.SessionsWith(SessionBits.Present) | world.SessionsWith(SessionBits.Decided) << 4,
        _ => 0,
    });
}
