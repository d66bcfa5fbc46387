using VBackup.Portal.Locations;
using VBackup.Portal.Web.Parts;

namespace VBackup.Portal.Web.Pages.Locations;

/// <summary>A location's lock, as people say it.</summary>
static class LockText
{
    public static string Days(LockView? held) => held switch
    {
        null => "none",
        { MinDays: { } min, MaxDays: { } max } => $"{min} to {Words.Number(max, "day")}",
        { MinDays: { } min } => $"at least {Words.Number(min, "day")}",
        { MaxDays: var max } => $"at most {Words.Number(max ?? 0, "day")}",
    };
}
