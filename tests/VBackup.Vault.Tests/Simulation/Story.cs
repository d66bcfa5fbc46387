namespace VBackup.Vault.Tests.Simulation;

/// <summary>
/// A cast and the order of its turns, as they meet in a scenario of the model; the rest is up to the seed. What chance alone
/// would bring about once in many thousand seeds happens in most of them.
/// </summary>
/// <param name="Name">As in the model, where there is one of its kind.</param>
/// <param name="Cast">Turns name actors by their place in it.</param>
/// <param name="Turns">Made anew for each run.</param>
internal sealed record Story(string Name, Func<Part[]> Cast, Func<Turn[]> Turns)
{
    /// <summary>What happened before; null for the history that any scene has.</summary>
    public Func<SimulatedWorld, Task>? History { get; init; }

    public override string ToString() => Name;
}
