using VBackup.Clouds.Servers;

namespace VBackup.Edge;

/// <summary>What a server's state is called on the command line and in messages.</summary>
public static class ServerStateName
{
    public static string Of(ServerState state) => state switch
    {
        ServerState.Shutdown => "shutdown",
        ServerState.Running => "running",
        ServerState.Paused => "paused",
        _ => "other",
    };
}
