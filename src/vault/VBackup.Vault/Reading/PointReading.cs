using VBackup.Vault.Format;
using VBackup.Vault.Sessions;

namespace VBackup.Vault.Reading;

/// <summary>
/// Somebody reads a point: a session that names it, so that nothing of it is collected meanwhile (the reader of
/// <c>docs/session-protocol.md</c>).
/// </summary>
public sealed class PointReading : IAsyncDisposable
{
    private readonly Session _session;

    private PointReading(BackupVault vault, Session session, PointDocument point)
    {
        _session = session;
        Point = point;
        Reader = new(vault, session);
    }

    public PointDocument Point { get; }

    public BlobReader Reader { get; }

    /// <summary>Why nothing protects the point from being collected meanwhile: the store may only be read. Else null.</summary>
    public string? Refusal => _session.Refusal;

    /// <summary>Puts the session, then checks that the point is still there and counts.</summary>
    /// <exception cref="UnusableVaultException">The point was deleted, or does not count.</exception>
    public static async Task<PointReading> BeginAsync(
        BackupVault vault, string purpose, PointDocument point, CancellationToken cancellation)
    {
        var session = await Session.BeginReadingAsync(vault, purpose, [Session.BaseOf(point)], cancellation).ConfigureAwait(false);
        var reading = new PointReading(vault, session, point);
        try
        {
            if (!await session.IsReadableNowAsync(point, cancellation).ConfigureAwait(false))
                throw new UnusableVaultException($"the point {point.Id} was deleted");
            return reading;
        }
        catch
        {
            await reading.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Reader.DisposeAsync().ConfigureAwait(false);
        await _session.DisposeAsync().ConfigureAwait(false);
    }
}
