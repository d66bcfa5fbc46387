using Microsoft.AspNetCore.Http;

namespace VBackup.Portal.Api;

/// <summary>Who asks, by a request of the API or in a page.</summary>
/// <param name="Caller">Null where anybody may ask.</param>
/// <param name="Address">Where he is, for the audit.</param>
/// <param name="What">What he asks, for whoever looks for a fault.</param>
public sealed record Asker(Caller? Caller, string Address, string What, CancellationToken Cancellation)
{
    internal static Asker Of(HttpContext http) =>
        new(http.CallerOrNobody(), http.Address(), $"{http.Request.Method} {http.Request.Path}", http.RequestAborted);
}
