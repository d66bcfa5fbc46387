using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;

namespace VBackup.Service.Catalogues;

/// <summary>What is kept of a project for its vaults, and for nobody else.</summary>
public sealed class CatalogueState
{
    CatalogueState() { }

    public CatalogueState(ProjectId project) => Project = project;

    public ProjectId Project { get; private set; }

    /// <summary>Of the catalogue that was given out last, to whichever vault.</summary>
    public long Generation { get; private set; }

    /// <summary>0 when nothing was declared yet.</summary>
    public long DeclarationsVersion { get; private set; }

    /// <summary>JSON of the Portal's.</summary>
    public string? Declarations { get; private set; }

    /// <returns>False: it is older than what is known.</returns>
    public bool Declares(DeclarationsChanged now)
    {
        if (now.Version <= DeclarationsVersion) return false;
        (DeclarationsVersion, Declarations) = (now.Version, now.Declarations.GetRawText());
        return true;
    }

    /// <summary>Each is given out once, in the transaction that reads what goes with it: so of two the higher one has the newer
    /// content.</summary>
    public long NextGeneration() => ++Generation;

    /// <summary>A system that was built again goes on behind the one that was lost.</summary>
    public void GoesOnFrom(long generation) => Generation = generation;
}
