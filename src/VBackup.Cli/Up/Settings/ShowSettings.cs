using VBackup.Cli.Terminal;

namespace VBackup.Cli.Up.Settings;

/// <summary>Which settings are in use. None of them is a secret.</summary>
static class ShowSettings
{
    public static int Show(UpSettings settings, Screen screen)
    {
        var inUse = SettingList.Of(settings).ToDictionary(one => one.Name, one => one.Default);
        var rows = SettingList.All.Select(one => new SettingRow(one.Name, inUse[one.Name], one.Default)).ToList();
        var table = new TextTable("SETTING", "VALUE", "DEFAULT");
        foreach (var row in rows) table.Add(row.Name, row.Value ?? "-", row.Default ?? "-");
        screen.Event(new(rows), UpJson.Default.SettingsEvent);
        screen.Line(table.ToString());
        return ExitStatus.Done;
    }
}

sealed record SettingRow(string Name, string? Value, string? Default);

sealed record SettingsEvent(IReadOnlyList<SettingRow> Settings);
