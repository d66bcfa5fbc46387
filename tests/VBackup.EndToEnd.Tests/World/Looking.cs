using Xunit;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>What another process does takes its time: it is looked at until it is done.</summary>
internal static class Looking
{
    const int LooksMax = 600;
    static readonly TimeSpan s_lookDelay = TimeSpan.FromMilliseconds(200);

    public static async Task UntilAsync<T>(Func<Task<T>> look, Predicate<T> isDone)
    {
        for (var looks = 0; !isDone(await look()); looks++)
        {
            Assert.True(looks < LooksMax, "it never came to be");
            await Task.Delay(s_lookDelay, TimeProvider.System);
        }
    }
}
