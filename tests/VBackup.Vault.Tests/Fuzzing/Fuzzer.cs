using Xunit;

namespace VBackup.Vault.Tests.Fuzzing;

/// <summary>
/// Feeds a decoder with noise and with valid bytes that something was done to, round after round. It may say no by the exceptions that
/// it documents, and nothing else: no other one, no memory out of proportion, no round without an end. Seeds are fixed; VBACKUP_SOAK=1
/// makes the runs longer.
/// </summary>
internal static class Fuzzer
{
    /// <summary>A decoder may allocate a few times what it is given, and something for its exception.</summary>
    public const long AllocationMax = 4 * 1024 * 1024;

    /// <summary>For all rounds of a run that is not a long one, and for a single round always.</summary>
    private static readonly TimeSpan s_timeMax = TimeSpan.FromSeconds(20);

    private static readonly bool s_isSoak = Environment.GetEnvironmentVariable("VBACKUP_SOAK") == "1";
    private static readonly int s_rounds = s_isSoak ? 1_000_000 : 3_000;

    /// <param name="decode">Does all in the thread that calls it: what it allocates there is counted.</param>
    /// <param name="timeMax">Null for as long as decoders may take.</param>
    public static async Task RunAsync(byte[] valid, Action<byte[]> decode, Func<Random, byte[], byte[]> mutate, Type[] refusals,
        TimeSpan? timeMax = null)
    {
        var limit = timeMax ?? s_timeMax;
        var round = new Round();
        // In a thread of its own: of a round that has no end, somebody else has to tell.
        var running = Task.Factory.StartNew(() => RunRounds(valid, decode, mutate, refusals, limit, round), CancellationToken.None,
            TaskCreationOptions.LongRunning, TaskScheduler.Default);
        for (var seen = -1; ; seen = round.Seed)
        {
            await Task.WhenAny(running, Task.Delay(limit, TimeProvider.System));
            if (running.IsCompleted) break;
            var isSame = round.Seed == seen;
            Assert.False(isSame, $"{(seen < 0 ? "the valid input" : $"seed {seen}")} takes more than {limit}");
        }
        await running;
    }

    private static void RunRounds(
        byte[] valid, Action<byte[]> decode, Func<Random, byte[], byte[]> mutate, Type[] refusals, TimeSpan limit, Round round)
    {
        // What is made only once is made before the memory is counted.
        Assert.True(Record.Exception(() => decode(valid)) is not { } refusal || refusals.Contains(refusal.GetType()));
        var start = TimeProvider.System.GetTimestamp();
        for (var seed = 0; seed < s_rounds; seed++)
        {
            round.Seed = seed;
            var random = new Random(seed);
            var input = seed % 5 == 0 ? Mutation.Noise(random, 2 * valid.Length + 16) : mutate(random, valid);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                decode(input);
            }
            catch (Exception refused) when (refusals.Contains(refused.GetType()))
            {
                Assert.NotEmpty(refused.Message);
            }
            catch (Exception bug)
            {
                Assert.Fail($"seed {seed}, input {Convert.ToHexStringLower(input)}: {bug}");
            }
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < AllocationMax, $"seed {seed}: {allocated} bytes for an input of {input.Length}");
            if (!s_isSoak && TimeProvider.System.GetElapsedTime(start) > limit)
                Assert.Fail($"{seed} of {s_rounds} rounds took more than {limit}");
        }
    }

    private sealed class Round
    {
        private int _seed = -1;

        public int Seed
        {
            get => Volatile.Read(ref _seed);
            set => Volatile.Write(ref _seed, value);
        }
    }
}
