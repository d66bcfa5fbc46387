using System.Text.Json;
using VBackup.Contracts.Ids;

namespace VBackup.Contracts.Messages;

/// <summary>What users have declared of a project: it is saved into the project's vaults. Only the Portal reads what is in it.</summary>
/// <param name="Version">Higher than that of all that was said of this project before.</param>
public sealed record DeclarationsChanged(ProjectId Project, long Version, JsonElement Declarations) : IMessage
{
    public static string Name => "declarations-changed";
}
