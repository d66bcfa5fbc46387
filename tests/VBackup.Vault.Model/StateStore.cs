using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VBackup.Vault.Model;

/// <summary>All states found so far, in the order of finding, each once, with the state it was found from.</summary>
sealed class StateStore(int words)
{
    const int StatesPerPage = 1 << 14;

    readonly List<ulong[]> _pages = [];
    readonly List<int[]> _parents = [];
    int[] _slots = NewSlots(1 << 16);

    public int Count { get; private set; }

    /// <summary>Adds a state, unless it is known.</summary>
    public bool Add(in State state, int parent)
    {
        if (Count * 3L > _slots.Length * 2L) Grow();
        var value = Words(in state);
        var mask = _slots.Length - 1;
        var slot = (int)(Hash(value) & (uint)mask);
        while (_slots[slot] >= 0)
        {
            if (At(_slots[slot]).SequenceEqual(value)) return false;
            slot = (slot + 1) & mask;
        }

        if (Count % StatesPerPage == 0)
        {
            _pages.Add(new ulong[StatesPerPage * words]);
            _parents.Add(new int[StatesPerPage]);
        }

        _slots[slot] = Count;
        value.CopyTo(At(Count));
        _parents[^1][Count % StatesPerPage] = parent;
        Count++;
        return true;
    }

    public State this[int number]
    {
        get
        {
            State state = default;
            At(number).CopyTo(MemoryMarshal.Cast<byte, ulong>(AsBytes(ref state)));
            return state;
        }
    }

    public int ParentOf(int number) => _parents[number / StatesPerPage][number % StatesPerPage];

    Span<ulong> At(int number) =>
        _pages[number / StatesPerPage].AsSpan(number % StatesPerPage * words, words);

    ReadOnlySpan<ulong> Words(in State state) =>
        MemoryMarshal.Cast<byte, ulong>(AsBytes(ref Unsafe.AsRef(in state)))[..words];

    static Span<byte> AsBytes(ref State state) => MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref state, 1));

    static uint Hash(ReadOnlySpan<ulong> value)
    {
        var hash = 0x9E3779B97F4A7C15UL;
        foreach (var word in value)
        {
            hash = (hash ^ word) * 0xD6E8FEB86659FD93UL;
            hash ^= hash >> 32;
        }

        return (uint)(hash ^ (hash >> 29));
    }

    void Grow()
    {
        _slots = NewSlots(_slots.Length * 2);
        var mask = _slots.Length - 1;
        for (var number = 0; number < Count; number++)
        {
            var slot = (int)(Hash(At(number)) & (uint)mask);
            while (_slots[slot] >= 0) slot = (slot + 1) & mask;
            _slots[slot] = number;
        }
    }

    static int[] NewSlots(int length)
    {
        var slots = new int[length];
        Array.Fill(slots, -1);
        return slots;
    }
}
