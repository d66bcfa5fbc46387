using System.Text.Json.Serialization;
using NodaTime;
using VBackup.Portal.Policies;

namespace VBackup.Portal.Restores;

/// <summary>When a restore is repeated: a policy's calendar, without what is about keeping copies. Its JSON is saved, and frozen by a
/// test.</summary>
public sealed record RestoreCalendar(
    LocalTime LaunchTime, string Zone, HourlyRule? Hourly = null, DailyRule? Daily = null, WeeklyRule? Weekly = null,
        MonthlyRule? Monthly = null)
{
    /// <summary>As <see cref="PolicyCalendar"/> takes it: that wants to be told of copies, which nobody counts here.</summary>
    [JsonIgnore]
    public PolicyRules Rules
    {
        get
        {
            const int any = 1;
            return new(LaunchTime, Zone, Hourly is null ? null : Hourly with { Keep = any }, Daily is null ? null : new(any),
                Weekly is null ? null : Weekly with { Keep = any }, Monthly is null ? null : Monthly with { Keep = any });
        }
    }

    /// <summary>The first thing that is wrong with it.</summary>
    internal PolicyFault? Fault()
    {
        if ((Hourly?.Keep ?? Daily?.Keep ?? Weekly?.Keep ?? Monthly?.Keep) is not null)
            return new("policy", "keeps nothing: what was restored stays until somebody deletes it");
        return PolicyFaults.Of(Rules) is [var fault, ..] ? fault : null;
    }
}
