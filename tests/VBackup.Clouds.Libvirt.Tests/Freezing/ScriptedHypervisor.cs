using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Libvirt.Tests.Freezing;

/// <summary>A hypervisor with one guest, which does what a test says and remembers what it was asked.</summary>
sealed class ScriptedHypervisor : IHypervisor
{
    public const string ServerName = "web";

    public List<string> Asked { get; } = [];
    public bool IsFrozen { get; set; }
    public bool HasServer { get; set; } = true;
    public Func<int?> OnFreeze { get; set; }
    public Action OnThaw { get; set; } = () => { };
    public Action OnAsk { get; set; } = () => { };

    public ScriptedHypervisor() => OnFreeze = () =>
    {
        IsFrozen = true;
        return 2;
    };

    public string Description => "scripted";

    public static CloudException Silent() => new(CloudFailure.TimedOut, "ask", ServerName, "the agent does not answer");

    public Task<Server?> FindAsync(string name, CancellationToken cancellation) =>
        Task.FromResult(HasServer ? new Server(name, "id", ServerState.Running, []) : null);

    public Task<int?> FreezeAsync(string name, CancellationToken cancellation) => Answer("freeze", () => OnFreeze());

    public Task<bool> IsFrozenAsync(string name, CancellationToken cancellation) => Answer("ask", () =>
    {
        OnAsk();
        return IsFrozen;
    });

    public Task<int> ThawAsync(string name, CancellationToken cancellation) => Answer("thaw", () =>
    {
        OnThaw();
        var count = IsFrozen ? 2 : 0;
        IsFrozen = false;
        return count;
    });

    private Task<T> Answer<T>(string question, Func<T> answer)
    {
        lock (Asked)
        {
            Asked.Add(question);
            try
            {
                return Task.FromResult(answer());
            }
            catch (CloudException failure)
            {
                return Task.FromException<T>(failure);
            }
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    public Task<IReadOnlyList<Server>> ListAsync(CancellationToken cancellation) => throw new NotSupportedException();
    public Task<ServerConfiguration> ReadConfigurationAsync(string name, CancellationToken cancellation) =>
        throw new NotSupportedException();
    public Task<Server> DefineAsync(
        string name, ServerConfiguration configuration, IReadOnlyDictionary<string, VolumeId> volumes, CancellationToken cancellation) =>
        throw new NotSupportedException();
    public Task RemoveAsync(string name, CancellationToken cancellation, string? id = null) => throw new NotSupportedException();
    public Task<bool> StartAsync(string name, CancellationToken cancellation) => throw new NotSupportedException();
    public Task StopAsync(string name, TimeSpan patience, CancellationToken cancellation) => throw new NotSupportedException();
    public Task<bool> DropSavedMemoryAsync(string name, CancellationToken cancellation) => throw new NotSupportedException();
}
