using VBackup.Vault.Format;
using VBackup.Vault.Sessions;

namespace VBackup.Vault.Reading;

/// <summary>The point that was to be read has been deleted.</summary>
public sealed class PointGoneException(string pointId) : Exception($"point {pointId} has been deleted");

/// <summary>
/// The reader of <c>docs/session-protocol.md</c>: while it is open, no collector takes from under it what its point needs.
/// </summary>
public sealed class ReadSession : IAsyncDisposable
{
    private readonly Session _session;

    private ReadSession(BackupVault vault, Session session, PointDocument point)
    {
        _session = session;
        Point = point;
        Reader = new(vault, session);
    }

    public PointDocument Point { get; }

    /// <summary>Reads the point's trees and chunks.</summary>
    public BlobReader Reader { get; }

    /// <summary>Registers with the point as base, then looks that it still counts.</summary>
    /// <exception cref="PointGoneException">It does not, any more.</exception>
    public static async Task<ReadSession> OpenAsync(
        BackupVault vault, string purpose, PointDocument point, CancellationToken cancellation)
    {
        var session = await Session.BeginAsync(vault, purpose, [Session.BaseOf(point)], cancellation).ConfigureAwait(false);
        try
        {
            return await session.IsValidNowAsync(point, cancellation).ConfigureAwait(false)
                ? new(vault, session, point)
                : throw new PointGoneException(point.Id);
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Ends the session.</summary>
    public async ValueTask DisposeAsync()
    {
        await Reader.DisposeAsync().ConfigureAwait(false);
        await _session.DisposeAsync().ConfigureAwait(false);
    }
}
