using System.CommandLine;
using VBackup.Cli.Terminal;

namespace VBackup.Cli.Keys;

/// <summary><c>vbackup key new FILE</c></summary>
static class MakeKeyFile
{
    static readonly Argument<string> s_file = new("FILE") { Description = "The key file to make; it must not exist." };

    public static Command Define()
    {
        var command = new Command("new", "Make a key file. Whoever loses it, and every other key, loses the vault.") { s_file };
        command.SetAction(parsed => Handle(parsed.GetRequiredValue(s_file), Screen.Of(parsed)));
        return command;
    }

    static int Handle(string path, Screen screen)
    {
        KeyFile.Create(path);
        screen.Event(new DoneEvent(Path: Path.GetFullPath(path)), EventJson.Default.DoneEvent);
        screen.Line($"made the key file {path}: keep a copy of it away from this machine");
        return ExitStatus.Done;
    }
}
