using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Writing;

/// <summary>
/// The last chunks that a run stored, in a table of fixed size: four places for each hash, the oldest gives way.
/// Thread-safe. Allocates nothing after construction.
/// </summary>
internal sealed class RecentChunks
{
    private const int Ways = 4;
    private readonly BlobPlace[] _places;
    private readonly byte[] _next;
    private readonly ulong _mask;
    private readonly Lock _lock = new();

    /// <param name="capacity">A power of two, at least 4.</param>
    public RecentChunks(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, Ways);
        if (!System.Numerics.BitOperations.IsPow2(capacity)) throw new ArgumentException("not a power of two", nameof(capacity));
        _places = new BlobPlace[capacity];
        _next = new byte[capacity / Ways];
        _mask = (ulong)(capacity / Ways - 1);
    }

    public bool TryFind(ContentId id, out BlobLocation location)
    {
        var set = (int)(id.Value.Middle & _mask) * Ways;
        lock (_lock)
        {
            for (var i = set; i < set + Ways; i++)
            {
                // A place of length 0 is empty.
                if (_places[i].Id != id || _places[i].Location.Length == 0) continue;
                location = _places[i].Location;
                return true;
            }
        }
        location = default;
        return false;
    }

    public void Add(in BlobPlace place)
    {
        var set = (int)(place.Id.Value.Middle & _mask);
        lock (_lock)
        {
            _places[set * Ways + _next[set]] = place;
            _next[set] = (byte)((_next[set] + 1) % Ways);
        }
    }
}
