using Xunit;

namespace VBackup.Services.Tests.Calls;

/// <summary>What is said over the wire arrives as it was said, and so does what is answered.</summary>
public sealed class RoundTripTests
{
    const int SeedsEach = 24;

    public static TheoryData<string> Methods => [.. Ports.Names];

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Each_method_is_called_with_what_was_said_and_gives_what_was_given(string name)
    {
        var method = Ports.Method(name);
        var port = new ListeningPort();
        await using var served = await Ports.ServeAsync(port);
        var channel = served.Open(Ports.CredentialFor(method));
        for (var seed = 0; seed < SeedsEach; seed++)
        {
            var samples = new Samples(seed);
            var (said, given) = (Ports.Said(method, samples), samples.MakeResult(method));
            // What opens a vault is wiped where it was.
            var (saying, giving) = (ListeningPort.Note(method, said), ListeningPort.Text(given));
            port.Gives = (_, _) => Task.FromResult(given);
            port.Heard.Clear();

            var heard = await Ports.CallAsync(channel, method, said);
            Assert.Equal(saying, Assert.Single(port.Heard));
            Assert.Equal(giving, ListeningPort.Text(heard));
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Nothing_that_is_said_or_given_is_logged(string name)
    {
        var method = Ports.Method(name);
        var port = new ListeningPort();
        await using var served = await Ports.ServeAsync(port);
        var samples = new Samples(1);
        var given = samples.MakeResult(method);
        port.Gives = (_, _) => Task.FromResult(given);
        await Ports.CallAsync(served.Open(Ports.CredentialFor(method)), method, Ports.Said(method, samples));

        Assert.Contains(served.Log.Lines, line => line.Contains("/vbackup.v1.", StringComparison.Ordinal));
        Assert.DoesNotContain(served.Log.Lines, line => line.Contains("marked", StringComparison.Ordinal)
            || line.Contains(Ports.WorkerCredential, StringComparison.Ordinal)
            || line.Contains(ServedCalls.ServiceCredential, StringComparison.Ordinal));
    }
}
