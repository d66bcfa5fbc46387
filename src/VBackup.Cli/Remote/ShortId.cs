namespace VBackup.Cli.Remote;

/// <summary>Enough of an id to tell things from each other: ids begin with when they were made, to the millisecond.</summary>
static class ShortId
{
    // Such as 0198c2f4-7a31.
    const int Length = 13;

    public static string Of(string id) => id[..Math.Min(Length, id.Length)];
}
