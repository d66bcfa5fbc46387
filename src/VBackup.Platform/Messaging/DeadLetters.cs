namespace VBackup.Platform.Messaging;

/// <summary>A message that was given up: somebody has to look at it.</summary>
/// <param name="Id">Names it where it is kept.</param>
/// <param name="To">Whose it is; null, as the next three, where the message does not say.</param>
/// <param name="Name">Of the message's type.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="Reason">Why it was given up; one line.</param>
/// <param name="DiedAt">Null where nobody has noted it.</param>
public sealed record DeadLetter(string Id, string? To, string? Name, DateTimeOffset? SentAt, DateTimeOffset? NotAfter, int Attempts,
    string Reason, DateTimeOffset? DiedAt)
{
    const int ReasonLengthMax = 1000;

    /// <summary>On one line, and not longer than anybody reads.</summary>
    public static string ReasonOf(string text)
    {
        var line = text.ReplaceLineEndings(" ");
        return line.Length <= ReasonLengthMax ? line : line[..ReasonLengthMax] + "…";
    }
}

/// <param name="Next">Behind which the next page begins; null at the end.</param>
public sealed record DeadLetterPage(IReadOnlyList<DeadLetter> Letters, string? Next);

/// <summary>Where messages are kept that were given up. Thread-safe.</summary>
public interface IDeadLetters
{
    /// <summary>What the place is called, such as <c>broker</c>.</summary>
    string Place { get; }

    Task<long> CountAsync(CancellationToken cancellation);

    /// <param name="after">The <see cref="DeadLetterPage.Next"/> of the page before; null for the first.</param>
    Task<DeadLetterPage> ListAsync(string? after, int limit, CancellationToken cancellation);

    /// <summary>Sends it again, as if it was new; its time, after which it is not carried out, stays as it is.</summary>
    /// <returns>Whether there is such a one, and it says to whom it goes.</returns>
    Task<bool> RequeueAsync(string id, CancellationToken cancellation);

    /// <returns>Whether there was such a one.</returns>
    Task<bool> DropAsync(string id, CancellationToken cancellation);
}
