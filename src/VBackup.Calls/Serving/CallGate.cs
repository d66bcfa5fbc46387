using System.Globalization;
using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;
using VBackup.Contracts.Access;
using VBackup.Contracts.Ids;

namespace VBackup.Calls.Serving;

/// <summary>Who may make which calls. Whoever may not is refused before anything that he sends is read.</summary>
static class CallGate
{
    const string Scheme = "Bearer ";
    const int CredentialLengthMax = 1000;

    public static void ForAnybody(this GrpcServiceEndpointConventionBuilder calls) =>
        Guard(calls, (_, _) => Task.FromResult<string?>(null));

    public static void ForWorkers(this GrpcServiceEndpointConventionBuilder calls) => Guard(calls, async (http, credential) =>
    {
        if (credential is null) return "a worker shows its credential, and there is none";
        var gate = http.RequestServices.GetRequiredService<IWorkerGate>();
        if (await gate.AdmitAsync(credential, http.RequestAborted).ConfigureAwait(false) is not { } worker)
            return "the worker's credential is not known, or was revoked";
        http.Features.Set(new CallingWorker(worker));
        return null;
    });

    public static void ForServices(this GrpcServiceEndpointConventionBuilder calls) => Guard(calls, (http, credential) =>
        Task.FromResult(credential is null ? "a service shows the services' credential, and there is none"
            : http.RequestServices.GetRequiredService<ServiceCredential>().Admits(credential) ? null
            : "the services' credential is another one"));

    /// <param name="fault">Why who calls is not let in; null when he is.</param>
    static void Guard(GrpcServiceEndpointConventionBuilder calls, Func<HttpContext, string?, Task<string?>> fault) => calls.Add(endpoint =>
    {
        var answer = endpoint.RequestDelegate ?? throw new InvalidOperationException("a call has nobody to answer it");
        endpoint.RequestDelegate = async http =>
        {
            if (!IsPrivate(http))
                await RefuseAsync(http, StatusCode.PermissionDenied, "calls from elsewhere come over TLS").ConfigureAwait(false);
            else if (await fault(http, CredentialOf(http)).ConfigureAwait(false) is { } refusal)
                await RefuseAsync(http, StatusCode.Unauthenticated, refusal).ConfigureAwait(false);
            else await answer(http).ConfigureAwait(false);
        };
    });

    // Whoever hosts the calls may have added a listener of his own.
    static bool IsPrivate(HttpContext http) =>
        http.Request.IsHttps || http.Connection.RemoteIpAddress is { } from && IPAddress.IsLoopback(from);

    static string? CredentialOf(HttpContext http) =>
        http.Request.Headers[HeaderNames.Authorization] is [{ Length: <= CredentialLengthMax } text]
            && text.StartsWith(Scheme, StringComparison.Ordinal) ? text[Scheme.Length..] : null;

    // An answer of headers alone, as gRPC over HTTP/2 has it for calls that fail at once.
    static Task RefuseAsync(HttpContext http, StatusCode code, string sentence)
    {
        http.Response.ContentType = "application/grpc";
        http.Response.Headers["grpc-status"] = ((int)code).ToString(CultureInfo.InvariantCulture);
        http.Response.Headers["grpc-message"] = Uri.EscapeDataString(sentence);
        return Task.CompletedTask;
    }
}

/// <summary>The worker whose credential came with a call.</summary>
sealed record CallingWorker(WorkerId Id)
{
    public static WorkerId Of(ServerCallContext call) =>
        (call.GetHttpContext().Features.Get<CallingWorker>()
            ?? throw new InvalidOperationException("a worker's call was let in without a worker")).Id;

    /// <param name="said">Whom the call says that it is from.</param>
    /// <exception cref="UnreadableMessageException">It is somebody else.</exception>
    public static WorkerId Require(ServerCallContext call, string said) => Fields.Id<WorkerId>(said) is var worker && worker == Of(call)
        ? worker : throw new UnreadableMessageException("the credential is another worker's");
}
