using System.Text.Json;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Platform.Messaging;
using VBackup.Portal.Tests.World;
using Xunit;

namespace VBackup.Portal.Tests;

/// <summary>Messages that were given up are looked at, sent again and dropped by administrators.</summary>
public sealed class DeadMessageRouteTests
{
    const string Path = "/api/v1/dead-messages";

    [Fact]
    public async Task Those_of_the_Portals_own_outbox_are_listed_sent_again_and_dropped()
    {
        await using var world = await PortalWorld.MakeAsync();
        var admin = await world.AdminAsync();
        var (first, second) = (await DieAsync(world), await DieAsync(world));
        var places = (await world.GetAsync(Path, admin)).Is(200).Json.GetProperty("places");
        Assert.Equal(("outbox-portal", 2), (places[0].GetProperty("place").GetString(), places[0].GetProperty("count").GetInt32()));

        var page = (await world.GetAsync($"{Path}/outbox-portal?limit=1", admin)).Is(200);
        Assert.Equal([$"{first}"], page.Items("id"));
        Assert.Equal(["nobody knows it"], page.Items("reason"));
        Assert.DoesNotContain("hidden", page.Text, StringComparison.Ordinal);
        Assert.Equal([$"{second}"], (await world.GetAsync($"{Path}/outbox-portal?limit=1&cursor={page["next"]}", admin)).Is(200)
            .Items("id"));

        (await world.PostAsync($"{Path}/outbox-portal/{first}/requeue", admin, new { })).Is(204);
        (await world.DeleteAsync($"{Path}/outbox-portal/{second}", admin)).Is(204);
        (await world.DeleteAsync($"{Path}/outbox-portal/{second}", admin)).Is(404, "not-found");
        (await world.PostAsync($"{Path}/outbox-portal/{first}/requeue", admin, new { })).Is(404, "not-found");
        await using var db = world.Db();
        var left = Assert.Single(db.Outbox);
        Assert.Equal((first, false, 0, world.Clock.GetUtcNow()), (left.Id, left.IsDead, left.Attempts, left.NextAttemptAt!.Value));
        var lines = (await world.GetAsync("/api/v1/system/audit?sort=at", admin)).Is(200);
        Assert.Equal([("dropMessage", $"message {second} in outbox-portal"), ("requeueMessage", $"message {first} in outbox-portal")],
            lines.Items("action").Zip(lines.Items("target")).Where(line => line.First!.EndsWith("Message", StringComparison.Ordinal))
                .Select(line => (line.First!, line.Second!)));
    }

    [Fact]
    public async Task A_brokers_are_beside_them_and_one_that_is_away_is_told_of()
    {
        await using var world = await PortalWorld.MakeAsync();
        var admin = await world.AdminAsync();
        world.Broker.Letters.AddRange([Letter("a"), Letter("b")]);
        Assert.Equal(["a", "b"], (await world.GetAsync($"{Path}/broker", admin)).Is(200).Items("id"));
        (await world.PostAsync($"{Path}/broker/a/requeue", admin, new { })).Is(204);
        Assert.Equal(["a"], world.Broker.SentAgain);

        world.Broker.IsDown = true;
        (await world.GetAsync($"{Path}/broker", admin)).Is(503, "broker-unavailable");
        (await world.DeleteAsync($"{Path}/broker/b", admin)).Is(503, "broker-unavailable");
        var places = (await world.GetAsync(Path, admin)).Is(200).Json.GetProperty("places");
        var broker = places.EnumerateArray().Single(one => one.GetProperty("place").GetString() == "broker");
        Assert.Equal((JsonValueKind.Null, "the message broker is away"),
            (broker.GetProperty("count").ValueKind, broker.GetProperty("error").GetString()));
        Assert.Equal(2, places.GetArrayLength());

        world.Broker.IsDown = false;
        (await world.DeleteAsync($"{Path}/broker/b", admin)).Is(204);
        Assert.Empty(world.Broker.Letters);
    }

    [Fact]
    public async Task What_is_asked_for_wrongly_is_refused()
    {
        await using var world = await PortalWorld.MakeAsync();
        var admin = await world.AdminAsync();
        (await world.GetAsync($"{Path}/nowhere", admin)).Is(404, "not-found");
        (await world.GetAsync($"{Path}/broker?limit=0", admin)).Is(400, "wrong-input", "limit");
        (await world.GetAsync($"{Path}/broker?limit=201", admin)).Is(400, "wrong-input", "limit");
        (await world.GetAsync($"{Path}/broker?sort=name", admin)).Is(400, "wrong-input", "sort");
    }

    static DeadLetter Letter(string id) => new(id, "portal", "run-changed", null, null, 1, "it failed", null);

    static async Task<MessageId> DieAsync(PortalWorld world)
    {
        world.Clock.Advance(TimeSpan.FromMilliseconds(1));
        var message = new OutgoingMessage(new(world.Ids.New<MessageId>(), "nowhere", "some-message", """{"hidden":1}""",
            world.Clock.GetUtcNow(), NotAfter: null));
        message.Failed("nobody knows it", world.Clock.GetUtcNow(), patience: 1);
        await world.SaveAsync(message);
        return message.Id;
    }
}
