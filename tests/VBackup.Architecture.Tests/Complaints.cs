using Xunit;

namespace VBackup.Architecture.Tests;

static class Complaints
{
    /// <summary>Fails with every complaint, in full, where xunit would show the first ones only.</summary>
    public static void AreNone(IEnumerable<string> complaints)
    {
        var found = complaints.ToList();
        if (found.Count > 0) Assert.Fail(string.Join('\n', found));
    }
}
