using VBackup.Cli.Terminal;

namespace VBackup.Cli.Demo.Real;

/// <summary>The packages that the lab needs, as <c>lab/packages.txt</c> lists them.</summary>
static class DebianPackages
{
    /// <summary>Installs what is missing.</summary>
    /// <exception cref="RefusedException">This is no Debian, or not root; the message says what is missing.</exception>
    public static async Task RequireAsync(string checkout, Screen screen, CancellationToken cancellation)
    {
        if (ExternalProgram.FindOrNull("dpkg-query") is not { } query || ExternalProgram.FindOrNull("apt-get") is not { } apt)
            throw new RefusedException("the real demo runs on Debian 12 and its kin only: there is no apt-get here; 'vbackup demo' runs "
                + "anywhere");
        var missing = await MissingAsync(query, checkout, cancellation).ConfigureAwait(false);
        if (!Environment.IsPrivilegedProcess)
            throw new RefusedException("the real demo needs root: it mounts CephFS and starts libvirt"
                + (missing.Count == 0 ? "" : $"; these packages are missing too: {string.Join(' ', missing)}"));
        if (missing.Count == 0) return;
        screen.Line($"installing {Units.Count(missing.Count, "package")}: {string.Join(' ', missing)}");
        await InstallAsync(apt, missing, cancellation).ConfigureAwait(false);
    }

    static async Task<List<string>> MissingAsync(string query, string checkout, CancellationToken cancellation)
    {
        List<string> missing = [];
        foreach (var line in await File.ReadAllLinesAsync(Path.Combine(checkout, "lab/packages.txt"), cancellation).ConfigureAwait(false))
        {
            var package = line.Split('#')[0].Trim();
            if (package.Length == 0) continue;
            var state = await ExternalProgram.TryAsync(query, ["-W", "-f=${db:Status-Status}", package], cancellation)
                .ConfigureAwait(false);
            if (state.Status != 0 || state.Output.Trim() != "installed") missing.Add(package);
        }
        return missing;
    }

    static async Task InstallAsync(string apt, List<string> missing, CancellationToken cancellation)
    {
        // Nobody is there to answer its questions.
        string[] install = ["DEBIAN_FRONTEND=noninteractive", apt, "install", "-q", "-y", "--no-install-recommends", .. missing];
        await ExternalProgram.RunAsync(apt, ["update", "-q"], cancellation).ConfigureAwait(false);
        await ExternalProgram.RunAsync(ExternalProgram.Find("env", "coreutils"), install, cancellation).ConfigureAwait(false);
    }
}
