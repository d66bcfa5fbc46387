using VBackup.Services.Tests.World;

namespace VBackup.Services.Tests.Calls;

/// <summary>The same story, when the worker has enrolled and calls the service from another process.</summary>
public sealed class BackupStoryOnTheWireTests : BackupStoryTests
{
    private protected override async Task<ServiceWorld> WorldAsync() => await WiredWorld.MakeAsync();
}

static class WiredWorld
{
    /// <summary>A world whose worker is on the wire.</summary>
    public static async Task<ServiceWorld> MakeAsync()
    {
        var world = await ServiceWorld.MakeAsync();
        try
        {
            var served = await ServedCalls.OfAsync(world);
            var (worker, line) = await served.EnrolAsync();
            world.Reach(worker.Worker, line.Work, served);
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }
}
