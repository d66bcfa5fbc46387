using Xunit;

namespace VBackup.Portal.Tests;

public sealed class SentenceTests
{
    [Theory]
    [InlineData("it was cancelled", "It was cancelled.")]
    [InlineData("no, it is not", "No, it is not.")]
    [InlineData("That is all.", "That is all.")]
    [InlineData("done", "Done.")]
    // Names are what they are.
    [InlineData("web-vda: open: somebody has it", "web-vda: open: somebody has it.")]
    [InlineData("back: create: there is one already", "back: create: there is one already.")]
    [InlineData("rbd/disk1 is gone", "rbd/disk1 is gone.")]
    [InlineData("", "")]
    public void What_begins_with_a_name_is_not_changed(string message, string sentence) => Assert.Equal(sentence, Sentence.Of(message));
}
