using VBackup.Clouds.Lab;
using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using VBackup.Edge;
using VBackup.Edge.Backups;
using VBackup.Edge.Running;
using Xunit;

namespace VBackup.Services.Tests;

/// <summary>A guest that was frozen for a snapshot and could not be let go is nobody's secret, whatever becomes of the snapshot.</summary>
public sealed class StuckGuestTests : IAsyncDisposable
{
    const string Stuck = "the guest could not be let go (the agent does not answer): look at it";
    static readonly VolumeId s_volume = new("web-vda");
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-stuck-").FullName;
    readonly NotedReport _report = new();
    EdgeCloud? _cloud;

    public async ValueTask DisposeAsync()
    {
        if (_cloud is not null) await _cloud.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task It_is_noted_and_how_long_it_was_held_is_left_out()
    {
        var server = await MakeServerAsync();
        var taken = await InstantTaking.TakeAsync(_cloud!, server, "instant-1", [], _report, default);
        Assert.Equal(("filesystem", null), (taken.Consistency, taken.HeldFor));
        Assert.Equal([Stuck], _report.Notes);
    }

    [Fact]
    public async Task It_is_noted_also_when_the_snapshot_fails()
    {
        var server = await MakeServerAsync(beforeTaking: () => File.Delete(Path.Combine(_folder, "volumes", "web-vda.raw")));
        await Assert.ThrowsAnyAsync<Exception>(() => InstantTaking.TakeAsync(_cloud!, server, "instant-1", [], _report, default));
        Assert.Equal([Stuck], _report.Notes);
    }

    async Task<Server> MakeServerAsync(Action? beforeTaking = null)
    {
        foreach (var folder in (string[])["volumes", "servers"]) Directory.CreateDirectory(Path.Combine(_folder, folder));
        var lab = LabCloud.Open(_folder);
        _cloud = EdgeCloud.Of(lab, (_, _) =>
        {
            beforeTaking?.Invoke();
            return Task.FromResult(new ServerHold(null, _ => Task.FromResult(true),
                () => Task.FromResult(new ServerHold.LetGo(null, Stuck))));
        });
        await lab.Storage.CreateAsync(s_volume, 4096, null, default);
        var server = await lab.Hypervisor.DeclareAsync("web", [new("vda", s_volume)], default);
        await lab.Hypervisor.StartAsync("web", default);
        return server;
    }
}
