using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.Faults;

/// <summary>Counts operations; from one of them on, every one fails for ever, as for a process that is no more.</summary>
/// <param name="dieAt">The operation that is the first to fail, from 1.</param>
/// <param name="isApplied">Whether that one is done nevertheless: the process died before it could know.</param>
internal sealed class CrashingStore(IObjectStore inner, int dieAt, bool isApplied) : DecoratingStore(inner)
{
    private readonly int[] _callsOf = new int[Enum.GetValues<StoreOperation>().Length];
    private int _calls;

    public int Calls => Volatile.Read(ref _calls);
    public bool Died => Calls >= dieAt;
    public int CallsOf(StoreOperation operation) => Volatile.Read(ref _callsOf[(int)operation]);

    protected override async Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _callsOf[(int)operation]);
        var call = Interlocked.Increment(ref _calls);
        if (call == dieAt && isApplied) await run(cancellation);
        if (call >= dieAt) throw new StoreException(StoreFailure.Other, "do", name, "the process is no more");
        return await run(cancellation);
    }
}
