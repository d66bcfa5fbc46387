using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Keys;
using VBackup.Contracts.Locations;
using VBackup.Platform.Databases;
using VBackup.Platform.Messaging;
using VBackup.Platform.Secrets;
using VBackup.Portal.Api;
using VBackup.Portal.Identity;
using VBackup.Portal.Notifications;
using VBackup.Primitives;
using Xunit;

namespace VBackup.Portal.Tests.World;

/// <summary>A Portal whose clock stands still, with a database of its own. It is spoken to over HTTP, without a network.</summary>
sealed class PortalWorld : IAsyncDisposable
{
    public const string Password = "an honest password";

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-portal-").FullName;
    readonly WebApplication _app;
    readonly SqliteDatabase<PortalDb> _database;
    readonly MasterKey _master = new(RandomNumberGenerator.GetBytes(MasterKey.Size));

    PortalWorld(PortalApiOptions options, bool overNetwork)
    {
        _database = new(Path.Combine(_folder, "portal.db"), one => new PortalDb(one));
        Ids = new(Clock, RandomNumberGenerator.Fill);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (!overNetwork) builder.WebHost.UseTestServer();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(UnreadableRequests.Watch));
        builder.Services.AddSingleton<IDbContextFactory<PortalDb>>(_database).AddSingleton(Ids).AddSingleton<TimeProvider>(Clock);
        builder.Services.AddSingleton<ILocationRegistry>(Locations).AddSingleton<IProjectKeys>(Keys).AddSingleton(_master);
        builder.Services.AddPortalApi(options);
        builder.Services.AddSingleton<IDeadLetters>(Broker);
        _app = builder.Build();
        if (overNetwork) _app.Urls.Add("http://127.0.0.1:0");
        _app.UsePortalApi();
        _app.MapPortalApi();
    }

    public FakeTimeProvider Clock { get; } = new(new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    public IdSource Ids { get; }
    public WorldLocations Locations { get; } = new();
    public WorldKeys Keys { get; } = new();
    public WorldBroker Broker { get; } = new();
    public ChangeMaker<PortalDb> Changes => _app.Services.GetRequiredService<ChangeMaker<PortalDb>>();
    public WebhookSecrets WebhookSecrets => _app.Services.GetRequiredService<WebhookSecrets>();
    public Passwords Passwords => _app.Services.GetRequiredService<Passwords>();
    public IEnumerable<RouteEndpoint> Routes => _app.Services.GetRequiredService<EndpointDataSource>().Endpoints.Cast<RouteEndpoint>();
    public HttpClient Client { get; private set; } = null!;
    public ProjectId Project { get; private set; }
    public UserId Admin { get; private set; }
    public string OneTimePassword { get; private set; } = "";

    /// <param name="overNetwork">By Kestrel, where it matters who reads the bytes.</param>
    public static async Task<PortalWorld> MakeAsync(PortalApiOptions? options = null, bool overNetwork = false)
    {
        var world = new PortalWorld((options ?? new PortalApiOptions { RequestsAtOnceMax = 100_000 }) with { PasswordIterations = 1 },
            overNetwork);
        await world._database.PrepareAsync(1, CancellationToken.None);
        await world._app.StartAsync();
        world.Client = overNetwork ? new() : world._app.GetTestClient();
        if (overNetwork) world.Client.BaseAddress = new(world._app.Urls.Single());
        world.OneTimePassword = (await FirstAdministrator.EnsureAsync(world.Changes, world.Passwords, CancellationToken.None))!;
        await using var db = world.Db();
        world.Project = await db.Set<Project>().Select(one => one.Id).SingleAsync();
        world.Admin = await db.Set<User>().Select(one => one.Id).SingleAsync();
        return world;
    }

    /// <summary>As at a signal to end.</summary>
    public void Stop() => _app.Lifetime.StopApplication();

    public PortalDb Db() => _database.CreateDbContext();

    /// <summary>A user who has chosen his password.</summary>
    public async Task<UserId> UserAsync(string name, ProjectId? project = null, string? role = null, bool isAdministrator = false)
    {
        var user = new User(Ids.New<UserId>(), name, "", isAdministrator, Clock.GetUtcNow());
        user.ChoosePassword(Passwords.Hash(Password));
        await SaveAsync(user);
        if (role is not null) await SaveAsync(new Membership(project ?? Project, user.Id, role));
        return user.Id;
    }

    public async Task<ProjectId> ProjectAsync(string name)
    {
        var project = new Project(Ids.New<ProjectId>(), name, Clock.GetUtcNow());
        await SaveAsync(project);
        return project.Id;
    }

    /// <summary>A session, without signing in.</summary>
    public async Task<string> SessionAsync(UserId user, ProjectId? project) => (await TokenAsync(user, project, true)).Text;

    public async Task<(ApiTokenId Id, string Text)> TokenAsync(UserId user, ProjectId? project, bool isSession = false)
    {
        var text = ApiToken.NewText();
        var now = Clock.GetUtcNow();
        var token = new ApiToken(Ids.New<ApiTokenId>(), text, "of a test", project, user, isSession, now, now + ApiToken.SessionDuration);
        await SaveAsync(token);
        return (token.Id, text);
    }

    /// <summary>A session of a new member of the first project.</summary>
    public async Task<string> MemberAsync(string role = BuiltInRoles.FullAccess, string name = "member") =>
        await SessionAsync(await UserAsync(name, Project, role), Project);

    /// <summary>A session of the first administrator, who has chosen his password.</summary>
    public async Task<string> AdminAsync()
    {
        await using var db = Db();
        var admin = await db.Set<User>().SingleAsync(one => one.Id == Admin);
        admin.ChoosePassword(Passwords.Hash(Password));
        await db.SaveChangesAsync();
        return await SessionAsync(Admin, Project);
    }

    public async Task SaveAsync(object thing)
    {
        await using var db = Db();
        db.Add(thing);
        await db.SaveChangesAsync();
    }

    public Task<Answer> GetAsync(string path, string? token) => SendAsync(HttpMethod.Get, path, token);

    public Task<Answer> PostAsync(string path, string? token, object body, params (string, string)[] headers) =>
        SendAsync(HttpMethod.Post, path, token, JsonContent.Create(body), headers);

    public Task<Answer> PutAsync(string path, string? token, object body, params (string, string)[] headers) =>
        SendAsync(HttpMethod.Put, path, token, JsonContent.Create(body), headers);

    public Task<Answer> DeleteAsync(string path, string? token, params (string, string)[] headers) =>
        SendAsync(HttpMethod.Delete, path, token, null, headers);

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? token, HttpContent? body = null,
        params (string, string)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        if (token is not null) request.Headers.Authorization = new("Bearer", token);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return new((int)response.StatusCode, text, response.Content.Headers.ContentType?.MediaType,
            response.Headers.ToDictionary(one => one.Key, one => string.Join(',', one.Value), StringComparer.OrdinalIgnoreCase));
    }

    public Task<Answer> SignInAsync(string user, string password = Password, string? project = null) =>
        PostAsync("/api/v1/sessions", null, new { user, password, project });

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
        _master.Dispose();
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>What came back.</summary>
sealed record Answer(int Status, string Text, string? MediaType, IReadOnlyDictionary<string, string> Headers)
{
    public JsonElement Json => JsonSerializer.Deserialize<JsonElement>(Text);

    public string? Code => MediaType == Problem.MediaType ? this["code"] : null;

    public string? this[string member] =>
        Json.TryGetProperty(member, out var value) ? value.ValueKind == JsonValueKind.Null ? null : value.ToString() : null;

    public string ETag => Headers["ETag"];

    public IEnumerable<string> Items(string member) =>
        Json.GetProperty("items").EnumerateArray().Select(one => one.GetProperty(member).ToString());

    /// <summary>Fails with what came back instead.</summary>
    public Answer Is(int status, string? code = null, string? field = null)
    {
        Assert.True(Status == status && Code == code && (field is null || this["field"] == field),
            $"{Status}: {Text}; expected {status} {code} {field}");
        return this;
    }
}
