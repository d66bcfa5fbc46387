using Xunit;

namespace VBackup.Vault.Tests.Fuzzing;

/// <summary>Whether what is wrong with a decoder is told.</summary>
public sealed class FuzzerTests
{
    [Fact]
    public async Task A_decoder_that_never_comes_to_an_end_is_told()
    {
        var stuck = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var run = Fuzzer.RunAsync([0], _ => SpinWait.SpinUntil(() => stuck.Task.IsCompleted), Mutation.Of, [],
            TimeSpan.FromMilliseconds(20));
        try
        {
            var told = await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() =>
                run.WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System));
            Assert.Contains("takes more than", told.Message, StringComparison.Ordinal);
        }
        finally
        {
            stuck.SetResult();
        }
    }

    [Fact]
    public async Task Another_exception_than_those_documented_and_memory_out_of_proportion_are_told()
    {
        var bug = await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() => Fuzzer.RunAsync(
            [7], bytes => _ = bytes is [7] ? 0 : throw new InvalidOperationException("a bug"), Mutation.Of, [typeof(FormatException)]));
        Assert.Contains("a bug", bug.Message, StringComparison.Ordinal);
        byte[]? much = null;
        var greedy = await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(() => Fuzzer.RunAsync(
            [7], bytes => much = bytes is [7] ? null : new byte[Fuzzer.AllocationMax], Mutation.Of, []));
        Assert.Contains("bytes for an input of", greedy.Message, StringComparison.Ordinal);
        Assert.NotNull(much);
    }
}
