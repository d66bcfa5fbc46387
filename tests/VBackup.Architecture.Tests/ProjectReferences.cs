using System.Xml.Linq;

namespace VBackup.Architecture.Tests;

/// <summary>What a project references itself, as its file says it.</summary>
sealed record Project(
    string Name, IReadOnlyList<string> Projects, IReadOnlyList<string> Packages, IReadOnlyList<string> Other)
{
    public static Project Parse(string name, string xml)
    {
        var items = XDocument.Parse(xml).Descendants().ToList();
        return new Project(
            name,
            Included("ProjectReference").Select(path => Path.GetFileNameWithoutExtension(path.Replace('\\', '/'))).ToList(),
            // A framework is what a package is: somebody else's code.
            [.. Included("PackageReference"), .. Included("FrameworkReference")],
            // These would bring in a dependency past the two lists above.
            items.Where(item => item.Name.LocalName is "Reference" or "Import")
                .Select(item => item.Name.LocalName).ToList());

        IEnumerable<string> Included(string item) => items
            .Where(element => element.Name.LocalName == item)
            .Select(element => (string?)element.Attribute("Include") ?? (string?)element.Attribute("Update") ?? "?");
    }
}

/// <summary>What a project may reference itself. What those reference in turn, it sees too.</summary>
sealed record Allowed(string[] Projects, string[] Packages);

static class ProjectReferences
{
    /// <summary>The same table stands, with its reasons, in docs/architecture.md.</summary>
    public static readonly IReadOnlyDictionary<string, Allowed> AllowList = new Dictionary<string, Allowed>
    {
        ["VBackup.Primitives"] = new([], []),
        ["VBackup.Vault.Format"] = new(["VBackup.Primitives"], ["BouncyCastle.Cryptography"]),
        ["VBackup.Vault.Stores"] = new(["VBackup.Primitives"], ["AWSSDK.S3"]),
        ["VBackup.Vault"] = new(["VBackup.Vault.Format", "VBackup.Vault.Stores"], ["System.IO.Hashing"]),
        ["VBackup.Clouds"] = new(["VBackup.Primitives"], []),
        ["VBackup.Clouds.Libvirt"] = new(["VBackup.Clouds"], []),
        ["VBackup.Clouds.Ceph"] = new(["VBackup.Clouds"], []),
        ["VBackup.DataPath"] = new(["VBackup.Vault", "VBackup.Clouds"], []),
        ["VBackup.Edge"] = new(["VBackup.DataPath", "VBackup.Clouds.Ceph", "VBackup.Clouds.Libvirt"], []),
        ["VBackup.Contracts"] = new(["VBackup.Primitives"], []),
        ["VBackup.Platform"] = new(["VBackup.Contracts"], ["Microsoft.AspNetCore.App", "Microsoft.EntityFrameworkCore.Sqlite"]),
        ["VBackup.Calls"] = new(["VBackup.Platform"], ["Google.Protobuf", "Grpc.AspNetCore.Server", "Grpc.Net.Client", "Grpc.Tools",
            "Microsoft.AspNetCore.App"]),
        ["VBackup.Service"] = new(["VBackup.Platform"], ["Microsoft.AspNetCore.App"]),
        ["VBackup.Portal"] = new(["VBackup.Platform"],
            ["MailKit", "Microsoft.AspNetCore.App", "Microsoft.AspNetCore.OpenApi", "NodaTime", "Swashbuckle.AspNetCore.SwaggerUI"]),
        ["VBackup.Portal.Web"] = new(["VBackup.Portal"], ["Microsoft.AspNetCore.App", "Microsoft.AspNetCore.App.Internal.Assets",
            "MudBlazor"]),
        ["VBackup.Snapshots"] = new(["VBackup.Platform", "VBackup.Edge"], ["Microsoft.AspNetCore.App"]),
        ["VBackup.Worker"] = new(["VBackup.Platform", "VBackup.Edge"], ["Microsoft.AspNetCore.App"]),
        ["VBackup.Cli"] = new(["VBackup.Edge", "VBackup.Portal", "VBackup.Portal.Web", "VBackup.Service", "VBackup.Snapshots",
            "VBackup.Worker"],
            ["Microsoft.AspNetCore.App", "System.CommandLine"]),
    };

    /// <summary>Everything that the graph has and the list does not allow, and what the list has and the graph does not:
    /// a list with entries for projects that are gone would allow their names to anybody.</summary>
    public static IEnumerable<string> Violations(
        IEnumerable<Project> graph, IReadOnlyDictionary<string, Allowed> allowList)
    {
        var unseen = allowList.Keys.ToHashSet();
        foreach (var project in graph)
        {
            unseen.Remove(project.Name);
            if (!allowList.TryGetValue(project.Name, out var allowed))
            {
                yield return $"{project.Name} is not in the list";
                continue;
            }
            foreach (var reference in project.Projects.Except(allowed.Projects))
                yield return $"{project.Name} may not reference the project {reference}";
            foreach (var package in project.Packages.Except(allowed.Packages))
                yield return $"{project.Name} may not reference the package {package}";
            foreach (var other in project.Other)
                yield return $"{project.Name} has a <{other}>, which the list does not speak of";
        }
        foreach (var name in unseen) yield return $"{name} is in the list and not in src/";
    }
}
