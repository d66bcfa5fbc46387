using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;

namespace VBackup.Portal.Api;

/// <summary>That a route makes something, and so takes an <c>Idempotency-Key</c>.</summary>
sealed record TakesIdempotencyKey;

/// <summary>That a route changes what has a version, and so needs <c>If-Match</c>.</summary>
sealed record NeedsVersion;

/// <summary>What routes tell the document about themselves.</summary>
static class RouteDescriptions
{
    public static RouteHandlerBuilder Lists<TRow>(this RouteHandlerBuilder route, Listing<TRow> list) =>
        route.WithMetadata(list.Parameters);

    public static RouteHandlerBuilder Creates<TView>(this RouteHandlerBuilder route) =>
        route.Produces<TView>(StatusCodes.Status201Created).WithMetadata(new TakesIdempotencyKey());

    /// <summary>Makes what takes its time.</summary>
    public static RouteHandlerBuilder Starts<TView>(this RouteHandlerBuilder route) =>
        route.Produces<TView>(StatusCodes.Status202Accepted).WithMetadata(new TakesIdempotencyKey());

    public static RouteHandlerBuilder Updates<TView>(this RouteHandlerBuilder route) =>
        route.Produces<TView>().WithMetadata(new NeedsVersion());
}

/// <summary>The API's own description, as OpenAPI, and a page to try it. The page comes whole from this program.</summary>
static class ApiDocument
{
    public const string DocumentPath = "/openapi/v1.json";
    const string BearerScheme = "bearer";

    public static void Configure(OpenApiOptions options)
    {
        // Pages have routes of their own, which are no part of the API.
        options.ShouldInclude = route => route.ActionDescriptor.EndpointMetadata.OfType<AccessRule>().Any();
        options.AddDocumentTransformer(async (document, context, cancellation) =>
        {
            document.Info = new()
            {
                Title = "vBackup",
                Version = "v1",
                Description = "Protects virtual servers: plans, policies, restore points, restores.",
            };
            document.Components ??= new();
            document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
            document.Components.SecuritySchemes[BearerScheme] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = BearerScheme,
                Description = "A token of POST /api/v1/sessions or POST /api/v1/tokens.",
            };
            document.AddComponent(nameof(ProblemBody),
                await context.GetOrCreateSchemaAsync(typeof(ProblemBody), null, cancellation).ConfigureAwait(false));
            ApiSchemas.Finish(document);
        });
        options.AddSchemaTransformer(ApiSchemas.CorrectAsync);
        options.AddOperationTransformer((operation, context, _) =>
        {
            Describe(operation, context.Description.ActionDescriptor.EndpointMetadata, context.Document);
            operation.OperationId = NameOf(context.Description.HttpMethod!, context.Description.RelativePath!);
            return Task.CompletedTask;
        });
    }

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapOpenApi("/openapi/{documentName}.json").IsOpen();
        app.MapSwaggerUI("docs", page =>
        {
            page.SwaggerEndpoint(DocumentPath, "vBackup v1");
            page.DocumentTitle = "vBackup API";
        }).IsOpen();
    }

    /// <summary>What a generated client calls it: <c>getServersByRegionByServerId</c>. It changes only with the route.</summary>
    static string NameOf(string method, string path) => method.ToLowerInvariant() + string.Concat(
        path.Split('/', StringSplitOptions.RemoveEmptyEntries).SkipWhile(part => part is "api" or "v1").Select(part => part.StartsWith('{')
            ? "By" + Pascal(part.Trim('{', '}').Split(':')[0]) : Pascal(part)));

    static string Pascal(string text) =>
        string.Concat(text.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    static void Describe(OpenApiOperation operation, IList<object> metadata, OpenApiDocument? document)
    {
        var rule = metadata.OfType<AccessRule>().Single();
        operation.Description = rule switch
        {
            AccessRule.Open => "Open to everybody.",
            AccessRule.SignedIn => "Needs a token.",
            AccessRule.Administrator => "Needs an administrator of the system.",
            AccessRule.InProject(var permission) => $"Needs the permission {permission}.",
            AccessRule.InProjectAny any => $"Needs the permission {any.Names}, by what is asked for.",
            _ => throw new InvalidOperationException($"Nobody describes {rule}."),
        };
        if (rule is not AccessRule.Open) operation.Security = [new() { [new OpenApiSecuritySchemeReference(BearerScheme, document)] = [] }];
        if (metadata.OfType<ListParameters>().SingleOrDefault() is { } list)
        {
            Add(operation, "limit", ParameterLocation.Query, JsonSchemaType.Integer,
                $"From 1 to {ListQuery.LimitMax}; {ListQuery.LimitDefault} otherwise.");
            Add(operation, "cursor", ParameterLocation.Query, JsonSchemaType.String, "The member next of the page before.");
            Add(operation, "sort", ParameterLocation.Query, JsonSchemaType.String, $"One of {string.Join(", ", list.Orders)}.");
            // Those that are no parameters of the handler, whose request is read by what pages use as well.
            foreach (var filter in list.Filters)
                if (operation.Parameters!.All(one => one.Name != filter))
                    Add(operation, filter, ParameterLocation.Query, JsonSchemaType.String, "Only those that fit.");
        }
        if (metadata.OfType<TakesIdempotencyKey>().Any())
            Add(operation, ApiChanges.KeyHeader, ParameterLocation.Header, JsonSchemaType.String,
                "Asking again with the same key within a day makes nothing new.");
        if (metadata.OfType<NeedsVersion>().Any())
            Add(operation, "If-Match", ParameterLocation.Header, JsonSchemaType.String, "The ETag of the version that was read.",
                isNeeded: true);
        operation.Responses ??= [];
        operation.Responses["default"] = new OpenApiResponse
        {
            Description = "A problem, with a stable code.",
            Content = new Dictionary<string, OpenApiMediaType>
            {
                [Problem.MediaType] = new() { Schema = new OpenApiSchemaReference(nameof(ProblemBody), document) },
            },
        };
    }

    static void Add(OpenApiOperation operation, string name, ParameterLocation place, JsonSchemaType type, string description,
        bool isNeeded = false)
    {
        operation.Parameters ??= [];
        operation.Parameters.Add(new OpenApiParameter
        {
            Name = name,
            In = place,
            Required = isNeeded,
            Description = description,
            Schema = new OpenApiSchema { Type = type },
        });
    }
}
