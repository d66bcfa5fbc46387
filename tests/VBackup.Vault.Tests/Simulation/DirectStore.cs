using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>The world's store without turns: what is asked for is done at once, and the truth is told.</summary>
internal sealed class DirectStore(SimulatedWorld world) : DecoratingStore(world.Store)
{
    protected override async Task<T> AroundAsync<T>(
        StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation)
    {
        var result = await run(cancellation);
        world.Scheduler.Trace("alone", operation.ToString(), name);
        switch (operation)
        {
            case StoreOperation.Put or StoreOperation.Commit: world.WasPut(name, world.Find(name)!); break;
            case StoreOperation.CreateOnce when result is true: world.WasPut(name, world.Find(name)!); break;
            case StoreOperation.Delete: world.Truth.WasDeleted(name); break;
        }
        return result;
    }
}
