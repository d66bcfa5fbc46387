using System.Security.Cryptography;
using VBackup.Platform.Secrets;
using VBackup.Portal.Notifications;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests.Notifications;

/// <summary>Receivers need no new secret when the master key changes, however often that is broken off.</summary>
public sealed class WebhookMasterKeyTests
{
    [Fact]
    public async Task A_webhook_signs_as_before_under_a_new_master_key_and_with_the_old_one_no_more()
    {
        await using var world = await PortalWorld.MakeAsync();
        using var old = new MasterKey(RandomNumberGenerator.GetBytes(MasterKey.Size));
        using var next = new MasterKey(RandomNumberGenerator.GetBytes(MasterKey.Size));
        var id = world.Ids.New<Contracts.Ids.WebhookId>();
        var webhook = new Webhook(id, world.Project, "hook", "https://receiver.example/hook", new WebhookSecrets(old).New(id).Wrapped,
            world.Clock.GetUtcNow());
        await world.SaveAsync(webhook);
        var before = new WebhookSecrets(old).Sign(id, webhook.WrappedSecret, 1, "{}");

        for (var time = 0; time < 2; time++)
            Assert.Equal(1, await world.Changes.MakeAsync(
                change => WebhookSecrets.ChangeMasterKeyAsync(change, old, next, CancellationToken.None), CancellationToken.None));
        var wrapped = await world.Changes.MakeAsync(
            async change => (await change.Db.Webhooks.FindAsync(id))!.WrappedSecret, CancellationToken.None);
        Assert.Equal(before, new WebhookSecrets(next).Sign(id, wrapped, 1, "{}"));
        Assert.Throws<WrongMasterKeyException>(() => new WebhookSecrets(old).Sign(id, wrapped, 1, "{}"));

        using var third = new MasterKey(RandomNumberGenerator.GetBytes(MasterKey.Size));
        await Assert.ThrowsAsync<WrongMasterKeyException>(() => world.Changes.MakeAsync(
            change => WebhookSecrets.ChangeMasterKeyAsync(change, old, third, CancellationToken.None), CancellationToken.None));
    }
}
