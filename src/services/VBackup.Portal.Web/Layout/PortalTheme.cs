using MudBlazor;

namespace VBackup.Portal.Web.Layout;

/// <summary>The colours, chosen so that text has a contrast of 4.5 at least on what it stands on.</summary>
static class PortalTheme
{
    static readonly string[] s_fonts = ["system-ui", "-apple-system", "Segoe UI", "Noto Sans", "DejaVu Sans", "sans-serif"];

    public static MudTheme Theme { get; } = new()
    {
        PaletteLight = new PaletteLight
        {
            Primary = "#1f5fbf", PrimaryContrastText = "#ffffff",
            Success = "#1b6e3c", Warning = "#8a5300", Error = "#b3261e", Info = "#1f5fbf",
            Background = "#f6f7f9", Surface = "#ffffff", AppbarBackground = "#16324f", AppbarText = "#ffffff",
            DrawerBackground = "#ffffff", DrawerText = "#2b3440", DrawerIcon = "#4a5563",
            TextPrimary = "#1d232b", TextSecondary = "#4f5a67", ActionDefault = "#4a5563", LinesDefault = "#d5dae1", TableLines = "#e3e7ec",
        },
        PaletteDark = new PaletteDark
        {
            Primary = "#8ab8ff", PrimaryContrastText = "#0b1a2e",
            Success = "#7bd79b", Warning = "#f2b55f", Error = "#ff9a92", Info = "#8ab8ff",
            SuccessContrastText = "#0b1a2e", WarningContrastText = "#0b1a2e", ErrorContrastText = "#0b1a2e", InfoContrastText = "#0b1a2e",
            Background = "#12161b", Surface = "#1b2128", AppbarBackground = "#0d1b2a", AppbarText = "#f1f4f8",
            DrawerBackground = "#1b2128", DrawerText = "#d7dde5", DrawerIcon = "#aab4c0",
            TextPrimary = "#e8ecf1", TextSecondary = "#aeb8c4", ActionDefault = "#aab4c0", LinesDefault = "#39424d", TableLines = "#2c343d",
        },
        Typography = new()
        {
            // Of the visitor's own system: no font is loaded.
            Default = new DefaultTypography { FontFamily = s_fonts },
            Button = new ButtonTypography { FontFamily = s_fonts, TextTransform = "none" },
        },
        LayoutProperties = new() { DefaultBorderRadius = "6px" },
    };
}
