namespace VBackup.EndToEnd.Tests.World;

/// <summary>Somebody who sits at a terminal, which <c>script</c> makes.</summary>
internal static class AtTerminal
{
    const string Script = "/usr/bin/script";

    public static void Need() => Needs.Program(Script, "bsdutils");

    /// <summary>Runs the command line there, and types what it asks for. What it shows comes all as output, as on a screen.</summary>
    /// <param name="typed">One line or more, without the end of the last.</param>
    /// <param name="arguments">Without quotes and spaces in them.</param>
    public static Task<Ended> RunAsync(RemoteUser user, string typed, params string[] arguments) => CliProcess.RunAsync(
        ["-c", $"printf '%s\\n' \"$1\" | {Script} --quiet --return --command \"$2\" /dev/null", "sh", typed,
            $"'{CliProcess.Program}' {string.Join(' ', arguments)}"], user.Variables, program: "/bin/sh");
}
