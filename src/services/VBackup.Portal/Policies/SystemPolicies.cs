using Microsoft.EntityFrameworkCore;
using NodaTime;
using VBackup.Contracts.Ids;
using VBackup.Platform.Databases;

namespace VBackup.Portal.Policies;

/// <summary>The policies that are there from the first start on.</summary>
static class SystemPolicies
{
    /// <summary>What a plan gets when nobody chose: daily for a week, weekly for a month, monthly for a year.</summary>
    public static readonly PolicyId Default = new(new("0198f000-0000-7000-8000-000000000001"));
    public static readonly PolicyId Hourly = new(new("0198f000-0000-7000-8000-000000000002"));

    static readonly LocalTime s_night = new(1, 0);

    public static async Task EnsureAsync(Change<PortalDb> change, CancellationToken cancellation)
    {
        var known = await change.Db.Policies.Where(policy => policy.Project == null).Select(policy => policy.Id).ToListAsync(cancellation)
            .ConfigureAwait(false);
        foreach (var policy in All()) if (!known.Contains(policy.Id)) change.Db.Policies.Add(policy);
    }

    static IEnumerable<PolicyRow> All()
    {
        yield return new(Default, null, "default", new(s_night, "Etc/UTC", Daily: new(7), Weekly: new([IsoDayOfWeek.Sunday], 5),
            Monthly: new(DayOfMonth.Numbered(1), 12)));
        yield return new(Hourly, null, "every-4-hours", new(s_night, "Etc/UTC", Hourly: new(4, 12), Daily: new(7),
            Weekly: new([IsoDayOfWeek.Sunday], 5)));
    }
}
