using VBackup.Vault.Stores.Faults;

namespace VBackup.Vault.Stores.Tests;

public sealed class MemoryStoreTests : ObjectStoreConformance
{
    protected override ValueTask<IObjectStore> OpenAsync() => ValueTask.FromResult<IObjectStore>(new MemoryStore());
}

public sealed class FileSystemStoreConformanceTests : ObjectStoreConformance
{
    readonly TemporaryFolder folder = new();

    protected override int ModelRuns => 30;

    protected override ValueTask<IObjectStore> OpenAsync() =>
        ValueTask.FromResult<IObjectStore>(FileSystemStore.Open(folder.Path));

    protected override ValueTask CleanUpAsync()
    {
        folder.Dispose();
        return ValueTask.CompletedTask;
    }
}

public sealed class RetryingStoreOverFaultsTests : ObjectStoreConformance
{
    static readonly RetryLimits NoDelay = new()
    {
        AttemptsMax = 10, DelayFirst = TimeSpan.Zero, DelayMax = TimeSpan.Zero, Deadline = TimeSpan.FromHours(1),
    };

    protected override ValueTask<IObjectStore> OpenAsync()
    {
        // A writer whose opening was applied and reported as failed stays unfinished for ever: that is left out, since
        // the suite expects to see only its own.
        var openingFails = new PlannedFault(StoreOperation.OpenWriter, 1, FaultKind.FailTransient);
        var others = FaultPlan.FromSeed(seed: 7, faultsPerOperation: 3, callsMax: 4,
            StoreOperation.Put, StoreOperation.CreateOnce, StoreOperation.CanCreateOnce, StoreOperation.Append,
            StoreOperation.Commit, StoreOperation.Read, StoreOperation.ReadTail, StoreOperation.Get,
            StoreOperation.Exists, StoreOperation.List, StoreOperation.Delete, StoreOperation.ListUnfinished,
            StoreOperation.DiscardUnfinished);
        var faulty = new FaultyStore(new MemoryStore(), FaultPlan.Of([openingFails, .. others.Faults]));
        return ValueTask.FromResult<IObjectStore>(
            new RetryingStore(faulty, new RetryPolicy(NoDelay, TimeProvider.System, seed: 7)));
    }
}

public sealed class ThrottlingStoreConformanceTests : ObjectStoreConformance
{
    protected override ValueTask<IObjectStore> OpenAsync() => ValueTask.FromResult<IObjectStore>(
        new ThrottlingStore(new MemoryStore(), 10_000, 10_000, new RushingClock()));
}

public sealed class LatencyStoreConformanceTests : ObjectStoreConformance
{
    protected override ValueTask<IObjectStore> OpenAsync() => ValueTask.FromResult<IObjectStore>(
        new LatencyStore(new MemoryStore(), TimeSpan.FromMilliseconds(50), new RushingClock()));
}

public sealed class S3StoreConformanceTests : ObjectStoreConformance, Xunit.IClassFixture<S3Lab>
{
    readonly S3Lab lab;

    public S3StoreConformanceTests(S3Lab lab) => this.lab = lab;

    protected override int ModelRuns => 10;

    protected override async ValueTask<IObjectStore> OpenAsync()
    {
        var settings = await lab.NewPrefixAsync();
        var policy = new RetryPolicy(RetryLimits.Brief, TimeProvider.System, seed: 1);
        return new RetryingStore(new S3Store(settings, policy), policy);
    }
}

public sealed class S3LockedStoreConformanceTests(S3LockedLab lab) : ObjectStoreConformance, Xunit.IClassFixture<S3LockedLab>
{
    protected override int ModelRuns => 10;

    protected override async ValueTask<IObjectStore> OpenAsync() => HoldingStores.OpenS3(await lab.NewPrefixAsync());
}

public sealed class MemoryStoreHoldingTests : HoldingConformance
{
    protected override ValueTask<IObjectStore> OpenAsync() => ValueTask.FromResult<IObjectStore>(new MemoryStore(TimeProvider.System));
}

public sealed class S3StoreHoldingTests(S3LockedLab lab) : HoldingConformance, Xunit.IClassFixture<S3LockedLab>
{
    protected override async ValueTask<IObjectStore> OpenAsync() => HoldingStores.OpenS3(await lab.NewPrefixAsync());
}

static class HoldingStores
{
    public static IObjectStore OpenS3(S3Settings settings)
    {
        var policy = new RetryPolicy(RetryLimits.Brief, TimeProvider.System, seed: 1);
        return new RetryingStore(new S3Store(settings, policy), policy);
    }
}
