using System.Net.Sockets;
using System.Security.Authentication;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace VBackup.Platform.Messaging.RabbitMq;

/// <summary>
/// One connection to the broker: made when somebody needs it, and again when it was lost. Senders and receivers have one each, because the
/// broker stops reading from whom it can take no messages, and answers for messages would stand in line behind them. Thread-safe.
/// </summary>
/// <param name="purpose">For people who list the broker's connections.</param>
sealed class RabbitMqConnection(RabbitMqSettings settings, RabbitMqLimits limits, string purpose, TimeProvider clock) : IAsyncDisposable
{
    readonly SemaphoreSlim _one = new(1, 1);
    Line? _line;
    TransportDownException? _failure;
    long _failedAt;

    public string Broker => $"the message broker {settings.Address}";

    /// <exception cref="TransportDownException">There is none now.</exception>
    public async Task<Line> OpenAsync(CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (_line is { IsOpen: true } open) return open;
            // All that wait would knock one after the other otherwise.
            if (_failure is { } failure && clock.GetElapsedTime(_failedAt) < limits.ReconnectPause)
                throw new TransportDownException(failure.Message, failure);
            await EndAsync().ConfigureAwait(false);
            return _line = await ConnectAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Ends it, if it is still this one.</summary>
    public async Task DropAsync(Line line)
    {
        await _one.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            if (ReferenceEquals(_line, line)) await EndAsync().ConfigureAwait(false);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Whether a failure says that there is no broker to speak to, rather than that something is wrong with us.</summary>
    public static bool IsOfBroker(Exception failure) => failure is RabbitMQClientException or IOException or SocketException
        or TimeoutException or ObjectDisposedException or AuthenticationException or UnauthorizedAccessException;

    /// <summary>What failed, in a line that names the broker, and has no secret.</summary>
    public TransportDownException Down(Exception failure) => new($"{Broker}: {Reason(failure)}", failure);

    async Task<Line> ConnectAsync(CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(limits.Timeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        try
        {
            var factory = await settings.FactoryAsync($"vbackup, {purpose}", limits.Timeout, either.Token).ConfigureAwait(false);
            var line = new Line(await factory.CreateConnectionAsync(either.Token).ConfigureAwait(false));
            _failure = null;
            return line;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception failure) when (failure is OperationCanceledException || IsOfBroker(failure))
        {
            _failure = failure is OperationCanceledException
                ? new($"{Broker} does not answer within {limits.Timeout.TotalSeconds:0} s", failure) : Down(failure);
            _failedAt = clock.GetTimestamp();
            throw _failure;
        }
    }

    /// <summary>The client wraps what has happened up to four times; what is innermost says it.</summary>
    static string Reason(Exception failure)
    {
        var inner = failure;
        while (inner is not PossibleAuthenticationFailureException and not OperationInterruptedException
            && (inner is AggregateException many ? many.InnerExceptions.FirstOrDefault() : inner.InnerException) is { } next)
            inner = next;
        return inner is PossibleAuthenticationFailureException
            ? "it does not take the user and password of RabbitMq:User and RabbitMq:PasswordFile"
            : inner.Message.ReplaceLineEndings(" ");
    }

    async Task EndAsync()
    {
        if (_line is not { } line) return;
        _line = null;
        await line.EndAsync(limits.Timeout).ConfigureAwait(false);
        line.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync().ConfigureAwait(false);
        _one.Dispose();
    }

    /// <summary>A connection while it lasts.</summary>
    public sealed class Line : IDisposable
    {
        static readonly TimeSpan s_brief = TimeSpan.FromMilliseconds(100);

        readonly IConnection _connection;
        readonly Lock _changing = new();
        CancellationTokenSource _blocking = new();
        volatile bool _isEnded;

        public Line(IConnection connection)
        {
            _connection = connection;
            connection.ConnectionBlockedAsync += (_, told) =>
            {
                CancellationTokenSource waiting;
                lock (_changing)
                {
                    BlockedBecause = told.Reason;
                    waiting = _blocking;
                }
                // Nobody waits any more once the line is ended.
                return _isEnded ? Task.CompletedTask : waiting.CancelAsync();
            };
            connection.ConnectionUnblockedAsync += (_, _) =>
            {
                lock (_changing)
                {
                    BlockedBecause = null;
                    if (!_isEnded) _blocking = new();
                }
                return Task.CompletedTask;
            };
        }

        public bool IsOpen => _connection.IsOpen;

        /// <summary>Why the broker takes no messages from anybody, such as "low on disk"; null as long as it does.</summary>
        public string? BlockedBecause { get; private set; }

        /// <summary>Is cancelled when the broker says that it takes no messages.</summary>
        public CancellationToken Blocking
        {
            get
            {
                lock (_changing) return _blocking.Token;
            }
        }

        public Task<IChannel> OpenChannelAsync(bool confirms, CancellationToken cancellation) => _connection.CreateChannelAsync(
            new(publisherConfirmationsEnabled: confirms, publisherConfirmationTrackingEnabled: confirms), cancellation);

        public async Task EndAsync(TimeSpan patience)
        {
            try
            {
                // A broker that takes no messages hears no farewell either.
                await _connection.AbortAsync(BlockedBecause is null ? patience : s_brief).ConfigureAwait(false);
                await _connection.DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception failure) when (IsOfBroker(failure) || failure is OperationCanceledException)
            {
                // It was lost already, which is what is wanted.
            }
        }

        public void Dispose()
        {
            _isEnded = true;
            _connection.Dispose();
            // The last one alone has anybody waiting; those before it hold nothing but memory.
            lock (_changing) _blocking.Dispose();
        }
    }
}
