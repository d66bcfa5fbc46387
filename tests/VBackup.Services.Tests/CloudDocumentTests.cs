using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using VBackup.Edge;
using VBackup.Edge.Running;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>What a cloud's configuration may have.</summary>
public sealed partial class CloudDocumentTests
{
    [Fact]
    public void The_guide_tells_of_each_member_that_there_is_and_of_no_other()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "vBackup.slnx"))) at = at.Parent!;
        var told = File.ReadLines(Path.Combine(at.FullName, "docs", "edge.md"))
            .SkipWhile(line => line != "| member | meaning |").Skip(2).TakeWhile(line => line.StartsWith('|'))
            .SelectMany(line => Member().Matches(line.Split('|')[1]).Select(match => match.Groups[1].Value));
        Assert.Equal(Members(CloudJson.Default.CloudDocument, "").Order(StringComparer.Ordinal), told.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("libvirt+ceph", "")]
    [InlineData("libvirt", "  ")]
    public void An_address_of_nothing_is_refused(string kind, string uri)
    {
        var document = new CloudDocument(kind, Libvirt: new(uri, VolumeFolder: kind == "libvirt" ? "/srv/images" : null),
            Ceph: kind == "libvirt" ? null : new("/etc/ceph/ceph.conf", "backup"));
        var refused = Assert.Throws<RefusedException>(() => document.Open("cloud.json", report: null));
        Assert.Contains("libvirt.uri is empty", refused.Message, StringComparison.Ordinal);
    }

    static IEnumerable<string> Members(JsonTypeInfo type, string within) => type.Properties.SelectMany(property =>
        CloudJson.Default.GetTypeInfo(property.PropertyType) is { Kind: JsonTypeInfoKind.Object } inner
            ? Members(inner, $"{within}{property.Name}.") : [within + property.Name]);

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Member();
}
