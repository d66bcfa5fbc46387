using Microsoft.AspNetCore.Components;

namespace VBackup.Portal.Web.Visiting;

/// <summary>Where the visitor's browser is: on which page, and in which time zone.</summary>
sealed class Here(NavigationManager navigation)
{
    /// <summary>Null as long as the browser has not told it.</summary>
    public string? Zone { get; set; }

    public static string SignInPath(string back) => back is "/" or "" ? "/sign-in" : $"/sign-in?back={Uri.EscapeDataString(back)}";

    /// <summary>A path of this Portal, whatever somebody put into an address.</summary>
    public static string OwnPath(string? path) =>
        path is ['/', ..] and not ['/', '/' or '\\', ..] && !path.Any(char.IsControl) ? path : "/";

    public void GoTo(string path) => navigation.NavigateTo(path);

    /// <summary>The session is over; whoever signs in comes back to this page.</summary>
    public void GoToSignIn() => navigation.NavigateTo(SignInPath("/" + navigation.ToBaseRelativePath(navigation.Uri)), forceLoad: true);
}
