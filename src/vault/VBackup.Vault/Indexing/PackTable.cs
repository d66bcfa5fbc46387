using VBackup.Primitives;
using VBackup.Vault.Format;

namespace VBackup.Vault.Indexing;

/// <summary>The packs that some index objects name, numbered; and what a listing and the condemnations say of each.</summary>
internal sealed class PackTable
{
    private readonly Dictionary<ObjectId, int> _ordinals = [];
    private readonly List<ObjectId> _ids = [];
    private readonly List<Pack> _packs = [];

    /// <summary>What is known of a pack.</summary>
    public struct Pack
    {
        /// <summary>A listing begun after the index was read showed it.</summary>
        public bool IsPresent;
        public bool IsCondemned;

        /// <summary>An index object names it.</summary>
        public bool IsIndexed;

        /// <summary>Of the whole object.</summary>
        public long LengthBytes;
    }

    public int Count => _ids.Count;

    public int PresentCount => _packs.Count(pack => pack.IsPresent);

    public ObjectId this[int ordinal] => _ids[ordinal];

    public ref Pack At(int ordinal) => ref System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_packs)[ordinal];

    /// <summary>Whether chunks may be reused from it: present, and condemned by nobody.</summary>
    public bool IsUsable(int ordinal) => At(ordinal) is { IsPresent: true, IsCondemned: false };

    public bool TryFind(ObjectId id, out int ordinal) => _ordinals.TryGetValue(id, out ordinal);

    public int Add(ObjectId id)
    {
        if (_ordinals.TryGetValue(id, out var ordinal)) return ordinal;
        ordinal = _ids.Count;
        _ordinals.Add(id, ordinal);
        _ids.Add(id);
        _packs.Add(default);
        return ordinal;
    }

    /// <summary>Takes over a listing of packs; those it does not show are gone.</summary>
    public async Task ListAsync(BackupVault vault, CancellationToken cancellation)
    {
        await foreach (var entry in vault.Store.ListAsync(ObjectNames.Packs, cancellation).ConfigureAwait(false))
        {
            if (!ObjectNames.TryParsePack(entry.Name, out var id)) continue;
            ref var pack = ref At(Add(id));
            pack.IsPresent = true;
            pack.LengthBytes = entry.LengthBytes;
        }
    }
}
