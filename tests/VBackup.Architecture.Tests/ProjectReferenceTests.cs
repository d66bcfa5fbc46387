using Xunit;

namespace VBackup.Architecture.Tests;

public sealed class ProjectReferenceTests
{
    static readonly Dictionary<string, Allowed> SmallList = new()
    {
        ["Base.Of.All"] = new([], []),
        ["Above"] = new(["Base.Of.All"], ["Good.Package"]),
    };

    [Fact]
    public void Projects_reference_what_the_list_allows_and_nothing_else() =>
        Complaints.AreNone(ProjectReferences.Violations(ProjectsOfSrc(), ProjectReferences.AllowList));

    [Fact]
    public void What_every_project_gets_is_the_analyzer_of_banned_symbols_alone()
    {
        var files = Repository.TextsNamed(".props", ".targets").ToList();
        Assert.Equal(["Directory.Build.props", "Directory.Packages.props"], files.Select(file => file.Path));

        var everybody = Project.Parse("everybody", files[0].Text);
        Assert.Equal(["Microsoft.CodeAnalysis.BannedApiAnalyzers"], everybody.Packages);
        Assert.Empty(everybody.Projects);
        Assert.Empty(everybody.Other);
        Assert.Empty(Project.Parse("versions", files[1].Text).Packages);
    }

    [Fact]
    public void The_architecture_page_names_every_project_of_the_list()
    {
        var page = Repository.Read("docs/architecture.md").Text;
        Assert.All(ProjectReferences.AllowList.Keys, name => Assert.Contains($"{name}`", page, StringComparison.Ordinal));
    }

    [Fact]
    public void A_graph_within_the_list_passes() =>
        Assert.Empty(ProjectReferences.Violations(
            [
                Project.Parse("Base.Of.All", "<Project/>"),
                Project.Parse("Above", """
                    <Project><ItemGroup>
                      <ProjectReference Include="../base/Base.Of.All.csproj" /><PackageReference Include="Good.Package" />
                    </ItemGroup></Project>
                    """),
            ],
            SmallList));

    [Theory]
    [InlineData("Base.Of.All", "<ProjectReference Include='../x/Above.csproj'/>", "may not reference the project Above")]
    [InlineData("Base.Of.All", @"<ProjectReference Include='..\x\Above.csproj'/>", "may not reference the project Above")]
    [InlineData("Base.Of.All", "<PackageReference Include='Good.Package'/>", "may not reference the package Good.Package")]
    [InlineData("Above", "<PackageReference Include='Other.Package'/>", "may not reference the package Other.Package")]
    [InlineData("Above", "<Reference Include='some.dll'/>", "has a <Reference>")]
    [InlineData("Above", "<FrameworkReference Include='Microsoft.AspNetCore.App'/>",
        "may not reference the package Microsoft.AspNetCore.App")]
    [InlineData("Above", "<Import Project='../more.props'/>", "has a <Import>")]
    [InlineData("Stranger", "", "Stranger is not in the list")]
    public void A_forbidden_reference_is_found(string project, string item, string complaint)
    {
        var graph = new[] { "Base.Of.All", "Above", "Stranger" }
            .Where(name => name == project || SmallList.ContainsKey(name))
            .Select(name => Project.Parse(
                name, $"<Project><ItemGroup>{(name == project ? item : "")}</ItemGroup></Project>"));

        Assert.Contains(complaint, Assert.Single(ProjectReferences.Violations(graph, SmallList)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_entry_for_a_project_that_is_gone_is_found() =>
        Assert.Equal(
            "Above is in the list and not in src/",
            Assert.Single(ProjectReferences.Violations([Project.Parse("Base.Of.All", "<Project/>")], SmallList)));

    static List<Project> ProjectsOfSrc()
    {
        var projects = Repository.TextsNamed("proj")
            .Where(file => file.Path.StartsWith("src/", StringComparison.Ordinal))
            .Select(file => Project.Parse(Path.GetFileNameWithoutExtension(file.Name), file.Text))
            .ToList();
        Assert.NotEmpty(projects);
        return projects;
    }
}
