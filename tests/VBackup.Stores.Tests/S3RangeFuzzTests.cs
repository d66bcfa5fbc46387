using System.Text;
using VBackup.Vault.Tests.Fuzzing;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

/// <summary>
/// The header that says which part of an object an answer holds, with something wrong in it. A read gives the bytes asked for, or says
/// no as every store does; it never takes other bytes for them, and never fails in another way. Seeds are fixed; VBACKUP_SOAK=1 makes
/// the runs longer.
/// </summary>
public sealed class S3RangeFuzzTests
{
    const string Body = "ent";
    static readonly TimeSpan TimeMax = TimeSpan.FromSeconds(30);
    static readonly int Rounds = Environment.GetEnvironmentVariable("VBACKUP_SOAK") == "1" ? 20_000 : 300;

    static readonly string[] Edges =
    [
        "", "bytes", "bytes */7", "bytes 4-6/*", "bytes 4-2/3", "bytes 4-3/4", "bytes 4-6/6", "bytes 4-9223372036854775807/7",
        "bytes 0-9223372036854775807/9223372036854775807", "bytes 4-6/9223372036854775807", "bytes 4-6/9223372036854775808",
        "bytes -4-6/7", "bytes 4--6/7", "bytes 4-6/-7", "bytes 6-4/7", "bytes 4/6-7", "items 4-6/7", "bytes 4-6/7/8", "bytes  4-6/7",
    ];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_range_that_is_told_wrong_is_refused_or_changes_nothing(bool isLengthTold)
    {
        byte[] valid = Encoding.ASCII.GetBytes("bytes 4-6/7");
        for (int round = 0; round < Edges.Length + Rounds; round++)
        {
            var random = new Random(round);
            string range = round < Edges.Length ? Edges[round]
                : Encoding.Latin1.GetString(round % 5 == 0 ? Mutation.Noise(random, 40) : Mutation.Of(random, valid));
            string answer = ScriptedServer.Answer(206, Body, $"Content-Range: {range}");
            if (!isLengthTold) answer = answer.Replace($"Content-Length: {Body.Length}\r\n", "", StringComparison.Ordinal);
            byte[] buffer = new byte[100];
            try
            {
                // A round that has no end fails as well.
                int read = await ReadAsync(answer, buffer).WaitAsync(TimeMax, TimeProvider.System);
                Assert.True(read == 0 || buffer.AsSpan(0, read).SequenceEqual(Encoding.ASCII.GetBytes(Body)),
                    $"round {round}, '{range}': {read} bytes were taken for what was asked for");
            }
            catch (StoreException refused)
            {
                Assert.NotEmpty(refused.Reason);
            }
            catch (Exception bug) when (bug is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"round {round}, '{range}': {bug}");
            }
        }
    }

    static async Task<int> ReadAsync(string answer, byte[] buffer)
    {
        await using var server = new ScriptedServer(answer);
        await using var store = S3AnswerTests.StoreAt(server.Address);
        return await store.ReadAsync("packs/ab/p", 4, buffer, TestContext.Current.CancellationToken);
    }
}
