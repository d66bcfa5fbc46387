using Xunit;

namespace VBackup.Architecture.Tests;

public sealed class DocumentLinkTests
{
    [Fact]
    public void Every_link_of_the_documents_leads_somewhere()
    {
        var pages = Repository.TextsNamed(".md").ToList();
        Assert.Contains(pages, page => page.Path == "README.md");
        Complaints.AreNone(pages.SelectMany(page => DocumentLinks.Broken(page, Find)));
    }

    [Fact]
    public void Every_decision_stands_in_the_list_of_decisions()
    {
        var decisions = Repository.Files.Where(path => path.StartsWith("docs/adr/0", StringComparison.Ordinal)).ToList();
        var list = Repository.Read("docs/adr/README.md").Text;
        Assert.NotEmpty(decisions);
        Assert.All(decisions, path => Assert.Contains($"]({Path.GetFileName(path)})", list, StringComparison.Ordinal));
        Assert.Equal(decisions.Count, decisions.Select(path => Path.GetFileName(path)[..4]).Distinct().Count());
    }

    [Theory]
    [InlineData("see [it](other.md)")]
    [InlineData("see [it](../README.md#no-such-heading)")]
    [InlineData("see [it](#here)")]
    [InlineData("![a picture](../../picture.png \"title\")")]
    public void A_link_that_leads_nowhere_is_found(string text) =>
        Assert.Single(DocumentLinks.Broken(new TextFile("docs/page.md", text), FindReadme));

    [Theory]
    [InlineData("see [it](../README.md) and [that](../README.md#how-it-works-in-short)")]
    [InlineData("# Here\nsee [it](#here)")]
    [InlineData("see [it](https://example.org/x.md)")]
    [InlineData("```\n[not](a-link.md)\n```\nand `[neither](this.md)`")]
    public void A_link_that_leads_somewhere_is_not(string text) =>
        Assert.Empty(DocumentLinks.Broken(new TextFile("docs/page.md", text), FindReadme));

    static TextFile? FindReadme(string path) => path == "README.md" ? new TextFile(path, "## How it works, in short\n") : null;

    static TextFile? Find(string path) =>
        Directory.Exists(Repository.FullPath(path)) ? new TextFile(path, "")
        : Repository.Files.Contains(path) ? Repository.Read(path)
        : null;
}
