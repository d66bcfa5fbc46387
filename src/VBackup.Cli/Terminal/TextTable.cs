using System.Text;

namespace VBackup.Cli.Terminal;

/// <summary>A table whose columns line up. A heading that starts with <c>&gt;</c> aligns its column to the right.</summary>
sealed class TextTable(params string[] headings)
{
    const string Gap = "  ";
    readonly List<string[]> _rows = [];

    public bool IsEmpty => _rows.Count == 0;

    public void Add(params string[] cells)
    {
        if (cells.Length != headings.Length) throw new ArgumentException("as many cells as headings", nameof(cells));
        _rows.Add(cells);
    }

    public override string ToString()
    {
        string[] titles = [.. headings.Select(heading => heading.TrimStart('>'))];
        var widths = titles.Select((title, column) => _rows.Select(row => row[column].Length).Append(title.Length).Max()).ToArray();
        var text = new StringBuilder();
        AppendRow(text, titles, widths);
        foreach (var row in _rows) AppendRow(text.Append('\n'), row, widths);
        return text.ToString();
    }

    void AppendRow(StringBuilder text, string[] cells, int[] widths)
    {
        var line = new StringBuilder();
        for (var column = 0; column < cells.Length; column++)
        {
            if (column > 0) line.Append(Gap);
            line.Append(headings[column].StartsWith('>')
                ? cells[column].PadLeft(widths[column]) : cells[column].PadRight(widths[column]));
        }
        text.Append(line.ToString().TrimEnd());
    }
}
