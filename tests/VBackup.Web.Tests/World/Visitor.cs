using System.Collections.Concurrent;
using Microsoft.Playwright;
using Xunit;

namespace VBackup.Web.Tests.World;

/// <summary>Somebody at a browser, who finds things by what is written on them.</summary>
internal sealed class Visitor : IAsyncDisposable
{
    /// <summary>Longer than a backup of the sample server takes on a busy machine; whatever is waited for goes on at once when it
    /// comes.</summary>
    const float PatienceMilliseconds = 60_000;

    readonly IBrowserContext _context;
    readonly ConcurrentQueue<string> _complaints = [];

    public Visitor(IBrowserContext context, IPage page, Uri site)
    {
        (_context, Page) = (context, page);
        context.SetDefaultTimeout(PatienceMilliseconds);
        // What the pages' policy forbids is told on the console.
        page.Console += (_, message) => { if (message.Type == "error") _complaints.Enqueue(message.Text); };
        page.PageError += (_, error) => _complaints.Enqueue(error);
        page.Request += (_, request) =>
        {
            if (new Uri(request.Url) is { Scheme: not "data" } to && to.Authority != site.Authority)
                _complaints.Enqueue($"asked {request.Url}");
        };
    }

    public IPage Page { get; }

    /// <summary>What the browser complained of, and what it asked of other sites.</summary>
    public IReadOnlyCollection<string> Complaints => _complaints;

    public async Task SignInAsync(string user, string password = Site.Password, string? project = null)
    {
        await Page.GotoAsync("/sign-in");
        await FillAsync("User", user);
        await FillAsync("Password", password);
        await PressAsync("Sign in");
        if (project is null) return;
        await FillAsync("Password", password);
        await FillAsync("Project", project);
        await PressAsync("Sign in");
    }

    public Task GoToAsync(string path) => Page.GotoAsync(path);

    public Task FillAsync(string label, string text) => Page.GetByLabel(label, new() { Exact = true }).FillAsync(text);

    public Task PressAsync(string button) => Page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();

    public Task FollowAsync(string link) => Page.GetByRole(AriaRole.Link, new() { Name = link, Exact = true }).First.ClickAsync();

    public Task SeesHeadingAsync(string text) => SeesAsync(Page.GetByRole(AriaRole.Heading, new() { Name = text, Exact = true }));

    public Task SeesAsync(string text) => SeesAsync(Page.GetByText(text).First);

    public static Task SeesAsync(ILocator what) => Assertions.Expect(what).ToBeVisibleAsync(new() { Timeout = PatienceMilliseconds });

    public Task SeesNoButtonAsync(string name) =>
        Assertions.Expect(Page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true })).ToHaveCountAsync(0);

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();
}
