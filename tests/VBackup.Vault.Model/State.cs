using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VBackup.Vault.Model;

[InlineArray(4)]
struct FourBytes
{
    byte _first;
}

[InlineArray(8)]
struct EightBytes
{
    byte _first;
}

[InlineArray(State.ActorsMax)]
struct Locals
{
    Local _first;
}

/// <summary>What the store holds of one session. The decision outlives the session.</summary>
[Flags]
enum SessionBits : byte
{
    None = 0,
    Present = 1,
    Ended = 2,
    Revoked = 4,
    Decided = 8,

    /// <summary>The decision names the session's point.</summary>
    Named = 16,

    /// <summary>The session names a base.</summary>
    Based = 32,

    /// <summary>The decision names the point that the session took a second name for.</summary>
    SecondNamed = 64,
}

/// <summary>
/// The vault as the store holds it. Packs, index objects, points and collectors are bits of a mask. What an object says
/// stays here after its deletion, so that a listing that saw it in time can still tell.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
struct World
{
    public byte Packs;
    public byte Index;
    public byte Points;
    public byte Registered;
    public byte Condemnations;

    /// <summary>
    /// Sessions whose writer reported success with its first point (bits 0–2) or its second (bits 4–6); bit 7: the repair has
    /// finished.
    /// </summary>
    public byte Succeeded;

    /// <summary>Points that a user has deleted.</summary>
    public byte Deleted;
    public Fault Fault;

    /// <summary>The chunks of each pack.</summary>
    public EightBytes Chunks;

    /// <summary>The entries of each index object.</summary>
    public EightBytes Entries;

    /// <summary>The packs that each condemnation names.</summary>
    public FourBytes Condemned;
    public FourBytes Sessions;

    public const byte RepairFinished = 0x80;

    public readonly bool Has(int session, SessionBits bits) => ((SessionBits)Sessions[session] & bits) == bits;

    public void Set(int session, SessionBits bits) => Sessions[session] |= (byte)bits;

    public void Clear(int session, SessionBits bits) => Sessions[session] &= (byte)~bits;

    public readonly int SessionsWith(SessionBits bits)
    {
        var mask = 0;
        for (var k = 0; k < 4; k++)
        {
            if (Has(k, bits)) mask |= 1 << k;
        }

        return mask;
    }
}

enum Fault : byte
{
    None,
    ReaderSpokeOfDamage,
}

/// <summary>
/// What one actor remembers between two steps. <see cref="Must"/> and <see cref="May"/> belong to the listing under way:
/// names that were there all the time since the actor's last step, and names that were there for a part of it.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
struct Local
{
    public byte At;
    public byte Flags;
    public ushort Must;
    public ushort May;
    public byte Live;
    public byte Condemned;
    public byte Index;
    public byte Packs;
    public byte Points;
    public byte Decided;
    public byte Sessions;
    public byte Kill;
    public byte Have;
    public byte Pending;
}

[StructLayout(LayoutKind.Sequential, Pack = 1)]
struct State
{
    public const int ActorsMax = 6;

    public World World;
    public Locals Locals;

    public static int WordsFor(int actors) => (Unsafe.SizeOf<World>() + actors * Unsafe.SizeOf<Local>()) / sizeof(ulong);
}
