using VBackup.Platform.Messaging;

namespace VBackup.Portal.Tests.World;

/// <summary>A message broker's dead letters, in memory.</summary>
sealed class WorldBroker : IDeadLetters
{
    public List<DeadLetter> Letters { get; } = [];
    public List<string> SentAgain { get; } = [];
    public bool IsDown { get; set; }

    public string Place => "broker";

    public Task<long> CountAsync(CancellationToken cancellation) => Task.FromResult<long>(Here().Count);

    public Task<DeadLetterPage> ListAsync(string? after, int limit, CancellationToken cancellation)
    {
        var rest = Here().SkipWhile(one => after is not null && one.Id != after).Skip(after is null ? 0 : 1).ToList();
        return Task.FromResult(new DeadLetterPage([.. rest.Take(limit)], rest.Count > limit ? rest[limit - 1].Id : null));
    }

    public Task<bool> RequeueAsync(string id, CancellationToken cancellation)
    {
        if (Here().RemoveAll(one => one.Id == id) == 0) return Task.FromResult(false);
        SentAgain.Add(id);
        return Task.FromResult(true);
    }

    public Task<bool> DropAsync(string id, CancellationToken cancellation) =>
        Task.FromResult(Here().RemoveAll(one => one.Id == id) > 0);

    List<DeadLetter> Here() => IsDown ? throw new TransportDownException("the message broker is away") : Letters;
}
