using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.DependencyInjection;

namespace VBackup.Portal.Api;

/// <summary>
/// What is no HTTP, such as a path with <c>%00</c>, the server refuses by itself before any of our code is asked, with a status alone. It
/// tells of that, and whoever listens has its answer replaced by a <see cref="Problem"/>, the last one of the connection.
/// </summary>
public static class UnreadableRequests
{
    const string Refused = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

    /// <summary>For each place where the server listens. It speaks HTTP/1 there.</summary>
    public static void Watch(ListenOptions listen)
    {
        ArgumentNullException.ThrowIfNull(listen);
        listen.Protocols = HttpProtocols.Http1;
        listen.Use(next => connection =>
        {
            var answers = new Answers(connection.Transport.Output);
            connection.Transport = new Transport(connection.Transport.Input, answers);
            connection.Features.Set(answers);
            return next(connection);
        });
    }

    internal static void Listen(IApplicationBuilder app) => app.ApplicationServices.GetRequiredService<DiagnosticListener>()
        .Subscribe(new Listener(app.ApplicationServices.GetRequiredService<TimeProvider>()), name => name == Refused);

    static byte[] AnswerTo(int status, DateTimeOffset now)
    {
        var code = status == StatusCodes.Status413PayloadTooLarge ? ProblemCode.BodyTooLarge : ProblemCode.WrongInput;
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new ProblemBody(code.Title, status, "It is no request that can be read.", code.Text, "request", null), ApiJson.Problems);
        var head = string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} {ReasonPhrases.GetReasonPhrase(status)}\r\n"
            + $"Content-Type: {Problem.MediaType}\r\nContent-Length: {body.Length}\r\nCache-Control: no-store\r\n"
            + $"Connection: close\r\nDate: {now.UtcDateTime:R}\r\n\r\n");
        return [.. Encoding.ASCII.GetBytes(head), .. body];
    }

    sealed class Listener(TimeProvider clock) : IObserver<KeyValuePair<string, object?>>
    {
        public void OnNext(KeyValuePair<string, object?> value)
        {
            if (value.Value is not IFeatureCollection features || features.Get<Answers>() is not { } answers
                || features.Get<IHttpResponseFeature>() is { HasStarted: true }) return;
            var error = features.Get<IBadRequestExceptionFeature>()?.Error as Microsoft.AspNetCore.Http.BadHttpRequestException;
            var status = error?.StatusCode ?? StatusCodes.Status400BadRequest;
            answers.EndWith(AnswerTo(status, clock.GetUtcNow()));
        }

        public void OnCompleted()
        {
        }

        public void OnError(Exception error)
        {
        }
    }

    sealed record Transport(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>Passes on what the server answers, until it is told to end with something else.</summary>
    sealed class Answers(PipeWriter inner) : PipeWriter
    {
        byte[]? _last;
        bool _isSaid;
        byte[] _dropped = [];

        public void EndWith(byte[] answer) => _last ??= answer;

        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override Memory<byte> GetMemory(int sizeHint = 0)
        {
            if (_last is null) return inner.GetMemory(sizeHint);
            if (_dropped.Length < Math.Max(sizeHint, 4096)) _dropped = new byte[Math.Max(sizeHint, 4096)];
            return _dropped;
        }

        public override Span<byte> GetSpan(int sizeHint = 0) => _last is null ? inner.GetSpan(sizeHint) : GetMemory(sizeHint).Span;

        public override void Advance(int bytes)
        {
            if (_last is null) inner.Advance(bytes);
        }

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            if (_last is null || _isSaid) return inner.FlushAsync(cancellationToken);
            _isSaid = true;
            inner.Write(_last);
            return inner.FlushAsync(cancellationToken);
        }

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);
    }
}
