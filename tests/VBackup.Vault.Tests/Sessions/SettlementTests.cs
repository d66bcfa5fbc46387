using System.Security.Cryptography;
using VBackup.DataPath;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Sessions;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Writing;
using Xunit;

namespace VBackup.Vault.Tests.Sessions;

/// <summary>What is decided about an attempt that nobody hears of holds, whatever it still does.</summary>
public sealed class SettlementTests
{
    static readonly byte[] s_content = [.. Enumerable.Range(0, 20_000).Select(i => (byte)(i * 7))];

    [Fact]
    public async Task An_attempt_that_has_made_its_point_has_made_it()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var session = NewSession();
        var point = await PublishAsync(await StartAsync(vault, session), vault);
        Assert.Equal(point.Id, (await SessionSettlement.SettleAsync(vault.Vault, session, default))?.Id);
        Assert.Equal(point.Id, (await SessionSettlement.SettleAsync(vault.Vault, session, default))?.Id);
        Assert.Equal(point.Id, Assert.Single(await vault.PointsAsync()).Id);
    }

    [Fact]
    public async Task An_attempt_that_stands_still_before_its_point_never_makes_one()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var session = NewSession();
        var run = await StartAsync(vault, session);
        Assert.Null(await SessionSettlement.SettleAsync(vault.Vault, session, default));
        await Assert.ThrowsAsync<SessionRevokedException>(() => PublishAsync(run, vault));
        Assert.Empty(await vault.PointsAsync());
        Assert.Null(await SessionSettlement.SettleAsync(vault.Vault, session, default));
    }

    [Fact]
    public async Task An_attempt_that_has_not_even_begun_makes_no_point_later()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var session = NewSession();
        Assert.Null(await SessionSettlement.SettleAsync(vault.Vault, session, default));
        var run = await StartAsync(vault, session);
        await Assert.ThrowsAsync<SessionRevokedException>(() => PublishAsync(run, vault));
        Assert.Empty(await vault.PointsAsync());
    }

    [Fact]
    public async Task An_attempt_that_begins_when_a_collector_has_tidied_up_after_its_settlement_makes_no_point()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        var session = NewSession();
        Assert.Null(await SessionSettlement.SettleAsync(vault.Vault, session, default));
        await vault.CollectAsync();
        var run = await StartAsync(vault, session);
        try
        {
            await PublishAsync(run, vault);
        }
        catch (SessionRevokedException)
        {
            // It may hear so, if the collector has left it the revocation.
        }
        Assert.Empty(await vault.PointsAsync());
    }

    [Fact]
    public async Task Points_of_others_are_not_taken_for_the_attempts_own()
    {
        await using var vault = TestVault.Over(new MemoryStore());
        await vault.BackUpAsync(s_content);
        Assert.Null(await SessionSettlement.SettleAsync(vault.Vault, NewSession(), default));
        Assert.Single(await vault.PointsAsync());
    }

    static SessionId NewSession() => SessionId.New(RandomNumberGenerator.Fill);

    static Task<BackupWriter> StartAsync(TestVault vault, SessionId session) =>
        BackupWriter.StartAsync(vault.Vault, "backup", basePoint: null, default, spool: null, session);

    static async Task<PointDocument> PublishAsync(BackupWriter run, TestVault vault)
    {
        await using (run)
        {
            var written = await new ExportPipeline(run, vault.Options)
                .ExportAsync(new("disk", new MemoryVolume(s_content), null, null), null, default);
            return await run.PublishAsync("server", PointType.Full, null, [written], default);
        }
    }
}
