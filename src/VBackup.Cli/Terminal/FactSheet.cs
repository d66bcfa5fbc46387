namespace VBackup.Cli.Terminal;

/// <summary>What is known of one thing: a line for each fact, whose values line up.</summary>
sealed class FactSheet
{
    readonly List<(string Name, string Value)> _facts = [];

    /// <param name="value">Left out when it is null.</param>
    public void Add(string name, string? value)
    {
        if (value is not null) _facts.Add((name, value));
    }

    public override string ToString()
    {
        var width = _facts.Max(fact => fact.Name.Length);
        return string.Join('\n', _facts.Select(fact => $"{fact.Name.PadRight(width)}  {fact.Value}"));
    }
}
