using VBackup.Cli.Terminal;

namespace VBackup.Cli.Demo.Real;

/// <summary>The clone that this program was built in; the lab's scripts are there.</summary>
static class Checkout
{
    /// <exception cref="RefusedException">The program was taken elsewhere.</exception>
    public static string Find()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
            if (File.Exists(Path.Combine(folder, "vBackup.slnx")) && File.Exists(Path.Combine(folder, "lab/edge"))) return folder;
        throw new RefusedException("the real demo needs the project's clone, where lab/ is: run ./vbackup there");
    }
}
