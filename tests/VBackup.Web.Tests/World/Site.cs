using Microsoft.Playwright;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.Web.Tests.World;

/// <summary>A whole backup system with its sample server, and a browser to open it in.</summary>
public sealed class Site : IAsyncLifetime
{
    /// <summary>Debian's own; without it there is nothing to try.</summary>
    const string Chromium = "/usr/bin/chromium";
    public const string Password = "correct horse battery staple";

    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-web-").FullName;
    IPlaywright? _playwright;
    IBrowser? _browser;
    UpProcess? _up;

    internal UpProcess Up => _up!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(File.Exists(Chromium), "the browser is missing: the Debian package chromium");
        // The driver comes with the NuGet package, and the browser is there: nothing is to be fetched.
        Environment.SetEnvironmentVariable("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
        _up = await UpProcess.StartAsync(Path.Combine(_folder, "data"), steps: null,
            new Dictionary<string, string?> { ["VBACKUP__Worker__ImageFolder"] = NewFolder("images") });
        _playwright = await Playwright.CreateAsync();
        // Chromium has no sandbox for root.
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Chromium, Args = ["--no-sandbox"] });
    }

    /// <summary>An empty folder. Locations may lie in <c>data/locations</c>.</summary>
    internal string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;

    /// <summary>A browser of somebody else's: no cookies are shared.</summary>
    internal async Task<Visitor> VisitAsync(int width = 1280, ColorScheme colours = ColorScheme.Light)
    {
        var context = await _browser!.NewContextAsync(new()
        {
            BaseURL = Up.Http.BaseAddress!.ToString(),
            ViewportSize = new() { Width = width, Height = 800 },
            ColorScheme = colours,
            TimezoneId = "Europe/Berlin",
        });
        return new(context, await context.NewPageAsync(), Up.Http.BaseAddress!);
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
        if (_up is not null) await _up.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
