using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.World;

/// <summary>A store that can hold objects, vaults over it that have points held for ten days or not, and a clock that all go by.</summary>
internal sealed class HeldWorld : TimeProvider
{
    public static readonly TimeSpan HoldsFor = TimeSpan.FromDays(10);

    private DateTimeOffset _now = TestVault.Epoch;

    public HeldWorld() => Memory = new(holds: this);

    public MemoryStore Memory { get; }

    public override DateTimeOffset GetUtcNow() => _now;

    public void Pass(TimeSpan time) => _now += time;

    public TestVault Holding(Func<IObjectStore, IObjectStore>? around = null) => Open(around, HoldsFor);

    public TestVault NotHolding() => Open(around: null, holdsFor: null);

    private TestVault Open(Func<IObjectStore, IObjectStore>? around, TimeSpan? holdsFor) => TestVault.Over(
        around?.Invoke(Memory) ?? Memory,
        with: runtime => runtime with { HoldsFor = holdsFor, Clock = this, PollInterval = TimeSpan.Zero });

    /// <summary>By name, the objects that nobody can delete now.</summary>
    public async Task<SortedDictionary<string, DateTimeOffset>> HeldAsync(string prefix)
    {
        SortedDictionary<string, DateTimeOffset> held = new(StringComparer.Ordinal);
        await foreach (var entry in Memory.ListAsync(prefix, default))
            if (await Memory.FindHoldAsync(entry.Name, default) is { } until && until > _now) held.Add(entry.Name, until);
        return held;
    }

    /// <summary>What somebody does who has all the rights that there are: overwrites what is there, and deletes it.</summary>
    public async Task DestroyAsync()
    {
        List<string> names = [];
        await foreach (var entry in Memory.ListAsync("", default)) names.Add(entry.Name);
        foreach (var name in names)
        {
            await Memory.PutAsync(name, "nothing"u8.ToArray(), default);
            try
            {
                await Memory.DeleteAsync(name, default);
            }
            catch (StoreException held) when (held.Failure == StoreFailure.Held)
            {
                // That is what it is for.
            }
        }
    }

    public static string NameOf(PointDocument point) => ObjectNames.Points + point.Id;
}
