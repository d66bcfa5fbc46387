namespace VBackup.Cli.Terminal;

/// <summary>What the program tells its caller. Scripts rely on the numbers.</summary>
static class ExitStatus
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int BadUsage = 2;
    public const int DamageFound = 3;
}
