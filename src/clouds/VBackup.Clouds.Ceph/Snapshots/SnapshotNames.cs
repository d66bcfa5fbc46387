namespace VBackup.Clouds.Ceph.Snapshots;

/// <summary>
/// How an instant's snapshots are called. Of several volumes, an instant N is a pair on each: <c>vb.N.b</c>, a snapshot of the
/// image itself taken just before, from which differences are counted, because Ceph 16.2 counts none from a group's
/// snapshot; and N of the group, which is the instant. What changed since N is what differs between the pair, and between
/// <c>vb.N.b</c> and then: without the first, what was written between the pair and is gone again would be missed. Of one volume it is the
/// image's own <c>vb.N.g</c>, which serves for both.
/// </summary>
internal static class SnapshotNames
{
    private const string Prefix = "vb.", BeforeSuffix = ".b", AloneSuffix = ".g";

    public static string Before(string instant) => Prefix + instant + BeforeSuffix;

    public static string Alone(string instant) => Prefix + instant + AloneSuffix;

    public static string? InstantOfBefore(string snapshot) => Within(snapshot, BeforeSuffix);

    public static string? InstantOfAlone(string snapshot) => Within(snapshot, AloneSuffix);

    private static string? Within(string snapshot, string suffix) =>
        snapshot.Length > Prefix.Length + suffix.Length
        && snapshot.StartsWith(Prefix, StringComparison.Ordinal) && snapshot.EndsWith(suffix, StringComparison.Ordinal)
            ? snapshot[Prefix.Length..^suffix.Length]
            : null;

    /// <exception cref="CloudException">It is no name of an instant.</exception>
    public static void Check(string instant)
    {
        if (instant.Length is < 5 or > 50 || instant.Any(letter => !char.IsAsciiLetterOrDigit(letter) && letter is not ('_' or '-')))
            throw new CloudException(CloudFailure.NotSupported, "snapshot", $"'{instant}'",
                "an instant's name has 5 to 50 letters, digits, '_' and '-'");
    }
}
