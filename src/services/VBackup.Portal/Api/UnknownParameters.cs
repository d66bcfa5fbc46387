using System.Reflection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace VBackup.Portal.Api;

/// <summary>Parameters of the query that a route does not know are refused, as are members of a body: whoever misspells a filter must not
/// take all that there is for what fits.</summary>
static class UnknownParameters
{
    public static EndpointFilterDelegate Refuse(EndpointFilterFactoryContext context, EndpointFilterDelegate next)
    {
        string[] ofHandler = [.. context.MethodInfo.GetParameters().Where(IsText).Select(one => one.Name!)];
        return async invocation =>
        {
            var query = invocation.HttpContext.Request.Query;
            return query.Count > 0 && FaultOf(query, KnownTo(invocation.HttpContext.GetEndpoint(), ofHandler)) is { } fault
                ? fault : await next(invocation).ConfigureAwait(false);
        };
    }

    // What else a handler takes comes from the body or is a service.
    static bool IsText(ParameterInfo parameter) =>
        parameter.ParameterType == typeof(string) || (Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType)
            is { IsPrimitive: true } or { IsEnum: true };

    static string[] KnownTo(Endpoint? endpoint, string[] ofHandler)
    {
        var ofPath = (endpoint as RouteEndpoint)?.RoutePattern.Parameters.Select(one => one.Name) ?? [];
        string[] ofList = endpoint?.Metadata.GetMetadata<ListParameters>() is { } list ? [.. ListQuery.OfEveryList, .. list.Filters] : [];
        return [.. ofList.Union(ofHandler.Except(ofPath))];
    }

    static Problem? FaultOf(IQueryCollection query, string[] known)
    {
        foreach (var (name, values) in query)
        {
            if (!known.Contains(name))
                return Problem.Wrong(name, known.Length == 0 ? "It is not known here: this takes no parameters."
                    : $"It is not known here: this takes {string.Join(", ", known)}.");
            if (values.Count != 1) return Problem.Wrong(name, "It may be given once.");
        }
        return null;
    }
}
