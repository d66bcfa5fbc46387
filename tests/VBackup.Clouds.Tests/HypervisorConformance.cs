using VBackup.Clouds.Servers;
using VBackup.Clouds.Volumes;
using Xunit;

namespace VBackup.Clouds.Tests;

/// <summary>What every hypervisor must do. A class per implementation derives from this.</summary>
public abstract class HypervisorConformance : IAsyncLifetime
{
    IHypervisor? _hypervisor;

    protected IHypervisor Hypervisor => _hypervisor ?? throw new InvalidOperationException("Not opened.");

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    protected abstract ValueTask<IHypervisor> OpenAsync();

    /// <summary>Removes what the tests left. The hypervisor is disposed of already.</summary>
    protected virtual ValueTask CleanUpAsync() => ValueTask.CompletedTask;

    /// <summary>A server's name that is no other test's; names stay in the order of what they are made from.</summary>
    protected virtual string Named(string name) => name;

    /// <summary>Makes a server that is shut down, with two disks that have volumes.</summary>
    protected abstract Task DeclareAsync(string name);

    /// <summary>Makes a volume that a disk may have.</summary>
    protected abstract Task<VolumeId> MakeVolumeAsync(string name);

    /// <summary>What a guest with an agent takes; returns once the agent answers. REQUIRES: the server runs.</summary>
    /// <returns>Ends the guest's agent.</returns>
    protected virtual Task<IAsyncDisposable> RunAgentAsync(string server)
    {
        Assert.Skip("no guest with an agent is to be had here");
        throw new InvalidOperationException();
    }

    /// <summary>Saves a running server's memory to disk, and ends it with that.</summary>
    protected virtual Task SaveMemoryAsync(string server)
    {
        Assert.Skip("nothing saves a server's memory here");
        throw new InvalidOperationException();
    }

    /// <summary>How long a guest may take to shut down before it is ended.</summary>
    protected virtual TimeSpan Patience => TimeSpan.Zero;

    public async ValueTask InitializeAsync() => _hypervisor = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        if (_hypervisor is not null) await _hypervisor.DisposeAsync();
        await CleanUpAsync();
        GC.SuppressFinalize(this);
    }

    static async Task<CloudFailure> FailureOf(Func<Task> act) => (await Assert.ThrowsAsync<CloudException>(act)).Failure;

    async Task<Server> GetAsync(string name) => await Hypervisor.FindAsync(name, Token)
        ?? throw new InvalidOperationException($"no {name}");

    [Fact]
    public async Task Servers_are_listed_by_name_and_found_by_it()
    {
        string[] names = [Named("c-three"), Named("a-one"), Named("b-two")];
        foreach (var name in names) await DeclareAsync(name);
        var listed = (await Hypervisor.ListAsync(Token)).Where(server => names.Contains(server.Name)).ToList();
        Assert.Equal([names[1], names[2], names[0]], listed.Select(server => server.Name));
        Assert.Equal(3, listed.Select(server => server.Id).Distinct().Count());
        foreach (var server in listed)
        {
            Assert.Equal(ServerState.Shutdown, server.State);
            Assert.Equal(2, server.Disks.Select(disk => disk.Name).Distinct().Count());
            var found = await GetAsync(server.Name);
            Assert.Equal((server.Id, server.State), (found.Id, found.State));
            Assert.Equal(server.Disks, found.Disks);
        }
    }

    [Fact]
    public async Task A_missing_server_is_named_as_such_by_every_call_that_needs_it()
    {
        var missing = Named("nowhere");
        Assert.Null(await Hypervisor.FindAsync(missing, Token));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Hypervisor.ReadConfigurationAsync(missing, Token)));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Hypervisor.StartAsync(missing, Token)));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Hypervisor.StopAsync(missing, Patience, Token)));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Hypervisor.DropSavedMemoryAsync(missing, Token)));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Hypervisor.FreezeAsync(missing, Token)));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Hypervisor.IsFrozenAsync(missing, Token)));
        Assert.Equal(CloudFailure.NotFound, await FailureOf(() => Hypervisor.ThawAsync(missing, Token)));
        await Hypervisor.RemoveAsync(missing, Token);
    }

    [Fact]
    public async Task A_server_is_defined_anew_from_its_configuration_with_an_identity_of_its_own()
    {
        var (origin, copy) = (Named("origin"), Named("copy"));
        await DeclareAsync(origin);
        var before = await GetAsync(origin);
        var saved = await Hypervisor.ReadConfigurationAsync(origin, Token);
        var volumes = new Dictionary<string, VolumeId>();
        foreach (var disk in before.Disks) volumes[disk.Name] = await MakeVolumeAsync(Named($"copy-{disk.Name}"));
        var defined = await Hypervisor.DefineAsync(copy, new(saved.Kind, saved.Text), volumes, Token);

        Assert.Equal((copy, ServerState.Shutdown), (defined.Name, defined.State));
        Assert.NotEqual(before.Id, defined.Id);
        Assert.Equal(before.Disks.Select(disk => (disk.Name, volumes[disk.Name])), defined.Disks.Select(disk => (disk.Name, disk.Volume)));
        var found = await GetAsync(copy);
        Assert.Equal((defined.Id, defined.State), (found.Id, found.State));
        Assert.NotNull(before.Size);
        Assert.Equal(before.Size, found.Size);
        Assert.Equal(defined.Disks, found.Disks);
        Assert.Equal(before.Disks, (await GetAsync(origin)).Disks);
        Assert.Equal(before.Id, (await GetAsync(origin)).Id);
    }

    [Fact]
    public async Task A_server_may_be_defined_anew_when_the_first_is_gone()
    {
        var origin = Named("origin");
        await DeclareAsync(origin);
        var before = await GetAsync(origin);
        var saved = await Hypervisor.ReadConfigurationAsync(origin, Token);
        await Hypervisor.RemoveAsync(origin, Token);
        var defined = await Hypervisor.DefineAsync(
            origin, saved, before.Disks.ToDictionary(disk => disk.Name, disk => disk.Volume), Token);
        Assert.Equal(before.Disks, defined.Disks);
        Assert.NotEqual(before.Id, defined.Id);
    }

    [Fact]
    public async Task A_new_server_gets_only_the_disks_that_it_has_volumes_for()
    {
        await DeclareAsync(Named("origin"));
        var second = (await GetAsync(Named("origin"))).Disks[1];
        var saved = await Hypervisor.ReadConfigurationAsync(Named("origin"), Token);
        var volume = await MakeVolumeAsync(Named("alone"));
        var defined = await Hypervisor.DefineAsync(Named("half"), saved, new Dictionary<string, VolumeId> { [second.Name] = volume },
            Token);
        Assert.Equal([new ServerDisk(second.Name, volume)], defined.Disks);
    }

    [Fact]
    public async Task A_name_that_is_taken_is_not_defined_again()
    {
        await DeclareAsync(Named("origin"));
        var before = await GetAsync(Named("origin"));
        var saved = await Hypervisor.ReadConfigurationAsync(Named("origin"), Token);
        Assert.Equal(CloudFailure.Exists, await FailureOf(() => Hypervisor.DefineAsync(
            Named("origin"), saved, new Dictionary<string, VolumeId>(), Token)));
        Assert.Equal(before.Id, (await GetAsync(Named("origin"))).Id);
    }

    [Fact]
    public async Task A_configuration_of_another_kind_or_none_at_all_is_refused()
    {
        await DeclareAsync(Named("origin"));
        var saved = await Hypervisor.ReadConfigurationAsync(Named("origin"), Token);
        foreach (var wrong in (ServerConfiguration[])[new("something-else", saved.Text), new(saved.Kind, "no configuration")])
        {
            await Assert.ThrowsAsync<CloudException>(() => Hypervisor.DefineAsync(
                Named("wrong"), wrong, new Dictionary<string, VolumeId>(), Token));
            Assert.Null(await Hypervisor.FindAsync(Named("wrong"), Token));
        }
    }

    [Fact]
    public async Task Starting_and_stopping_can_be_repeated()
    {
        var name = Named("switched");
        await DeclareAsync(name);
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(i == 0, await Hypervisor.StartAsync(name, Token));
            Assert.Equal(ServerState.Running, (await GetAsync(name)).State);
        }
        for (var i = 0; i < 2; i++)
        {
            await Hypervisor.StopAsync(name, Patience, Token);
            Assert.Equal(ServerState.Shutdown, (await GetAsync(name)).State);
        }
    }

    [Fact]
    public async Task Where_no_memory_was_saved_none_is_thrown_away()
    {
        var name = Named("forgetful");
        await DeclareAsync(name);
        Assert.False(await Hypervisor.DropSavedMemoryAsync(name, Token));
        await Hypervisor.StartAsync(name, Token);
        Assert.False(await Hypervisor.DropSavedMemoryAsync(name, Token));
        Assert.Equal(ServerState.Running, (await GetAsync(name)).State);
        await Hypervisor.StopAsync(name, Patience, Token);
    }

    [Fact]
    public async Task Memory_that_was_saved_is_thrown_away_and_the_server_stays_off()
    {
        var name = Named("mindful");
        await DeclareAsync(name);
        await Hypervisor.StartAsync(name, Token);
        await SaveMemoryAsync(name);
        // Whoever only looks at the state takes it for one that was shut down.
        Assert.Equal(ServerState.Shutdown, (await GetAsync(name)).State);
        Assert.True(await Hypervisor.DropSavedMemoryAsync(name, Token));
        Assert.False(await Hypervisor.DropSavedMemoryAsync(name, Token));
        Assert.Equal(ServerState.Shutdown, (await GetAsync(name)).State);
    }

    [Fact]
    public async Task Only_a_server_that_is_shut_down_is_removed()
    {
        var name = Named("passing");
        await DeclareAsync(name);
        await Hypervisor.StartAsync(name, Token);
        Assert.Equal(CloudFailure.InUse, await FailureOf(() => Hypervisor.RemoveAsync(name, Token)));
        Assert.Equal(ServerState.Running, (await GetAsync(name)).State);
        await Hypervisor.StopAsync(name, Patience, Token);
        await Hypervisor.RemoveAsync(name, Token, id: "a3d4c1e2-0000-4000-8000-000000000000");
        var there = await GetAsync(name);
        for (var i = 0; i < 2; i++) await Hypervisor.RemoveAsync(name, Token, i == 0 ? there.Id : null);
        Assert.Null(await Hypervisor.FindAsync(name, Token));
    }

    [Fact]
    public async Task A_guest_without_an_agent_is_not_frozen()
    {
        var name = Named("silent");
        await DeclareAsync(name);
        await Hypervisor.StartAsync(name, Token);
        Assert.Null(await Hypervisor.FreezeAsync(name, Token));
        await Hypervisor.StopAsync(name, Patience, Token);
    }

    [Fact]
    public async Task A_guest_with_an_agent_is_frozen_and_let_go()
    {
        var name = Named("agile");
        await DeclareAsync(name);
        await Hypervisor.StartAsync(name, Token);
        await using (await RunAgentAsync(name))
        {
            Assert.False(await Hypervisor.IsFrozenAsync(name, Token));
            Assert.Equal(0, await Hypervisor.ThawAsync(name, Token));
            for (var i = 0; i < 2; i++)
            {
                var frozen = await Hypervisor.FreezeAsync(name, Token);
                Assert.True(frozen > 0);
                Assert.True(await Hypervisor.IsFrozenAsync(name, Token));
                Assert.Equal(frozen, await Hypervisor.ThawAsync(name, Token));
                Assert.False(await Hypervisor.IsFrozenAsync(name, Token));
            }
            Assert.Equal(0, await Hypervisor.ThawAsync(name, Token));
        }
        await Hypervisor.StopAsync(name, Patience, Token);
    }

    [Fact]
    public async Task A_cancelled_call_does_nothing()
    {
        var name = Named("calm");
        await DeclareAsync(name);
        var saved = await Hypervisor.ReadConfigurationAsync(name, Token);
        var cancelled = new CancellationToken(canceled: true);
        Func<Task>[] calls =
        [
            () => Hypervisor.ListAsync(cancelled),
            () => Hypervisor.FindAsync(name, cancelled),
            () => Hypervisor.ReadConfigurationAsync(name, cancelled),
            () => Hypervisor.DefineAsync(Named("never"), saved, new Dictionary<string, VolumeId>(), cancelled),
            () => Hypervisor.StartAsync(name, cancelled),
            () => Hypervisor.RemoveAsync(name, cancelled),
            () => Hypervisor.DropSavedMemoryAsync(name, cancelled),
            () => Hypervisor.FreezeAsync(name, cancelled),
        ];
        foreach (var call in calls) await Assert.ThrowsAnyAsync<OperationCanceledException>(call);
        Assert.Null(await Hypervisor.FindAsync(Named("never"), Token));
        Assert.Equal(ServerState.Shutdown, (await GetAsync(name)).State);
    }
}
