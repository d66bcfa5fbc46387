namespace VBackup.Services.Tests.World;

/// <summary>Several who do something at the same moment: each begins when the last of them is ready to.</summary>
static class AtOnce
{
    public static async Task<T[]> DoAsync<T>(int count, Func<int, Task<T>> work)
    {
        using var barrier = new Barrier(count);
        return await Task.WhenAll(Enumerable.Range(0, count).Select(number => Task.Factory.StartNew(() =>
        {
            barrier.SignalAndWait();
            return work(number);
        }, default, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap()));
    }

    public static Task DoAsync(int count, Func<int, Task> work) => DoAsync(count, async number =>
    {
        await work(number);
        return true;
    });
}
