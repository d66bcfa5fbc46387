using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;

namespace VBackup.Services.Tests.Crashes;

/// <summary>One world from a seed: users order, everybody works in any order, and what was planned goes wrong; then all comes to rest, and
/// is looked at. Throws a <see cref="SimulationFailure"/> when something holds that must not.</summary>
static class Simulation
{
    // Of the next night, in which garbage is collected and all is verified.
    static readonly TimeSpan s_quietHour = TimeSpan.FromHours(2.5);

    public static async Task RunAsync(int seed, FaultPlan faults, BrokenRules? broken = null)
    {
        await using var world = await CrashWorld.MakeAsync(seed, faults, broken ?? BrokenRules.None);
        try
        {
            // Where there is no context to go back to, whoever is woken goes on at once.
            await Task.Run(() => RunAsync(world));
        }
        catch (Exception failure)
        {
            var what = (failure as SimulationFailure)?.Message ?? $"something unforeseen: {failure}";
            throw new SimulationFailure($"VBACKUP_SEED={seed} replays this: {what}\n{world.Story}", failure);
        }
    }

    static async Task RunAsync(CrashWorld world)
    {
        var play = new Play(world);
        var driver = new Driver(world, play);
        var (rest, truth) = (new Rest(world, driver), new Truth(world, play));
        await driver.RunAsync();
        world.Tell("nothing goes wrong any more");
        world.Faults.End();
        await rest.ComeAsync();
        await truth.CheckAsync(isCollected: false);

        var now = world.Clock.GetUtcNow();
        world.Pass(now.Date.AddDays(1) + s_quietHour - now.UtcDateTime);
        await rest.ComeAsync();
        await driver.SurveyAsync();
        world.Tell("it is the night after");
        await truth.CheckAsync(isCollected: true);
        await CheckFindingsAsync(world);

        var number = 0;
        foreach (var point in truth.Restorable) play.Order(play.Of(point, RestoreTarget.NewServer, $"last-{number++}"));
        var ordered = play.Restores.TakeLast(number).ToList();
        await rest.ComeAsync();
        foreach (var restore in ordered)
            if (world.Portal.Run(restore.Run) is not { State: RunState.Succeeded })
                throw new SimulationFailure($"a point cannot be restored: {world.Portal.Run(restore.Run)?.Error}");
        await truth.CheckAsync(isCollected: true);
    }

    static async Task CheckFindingsAsync(CrashWorld world)
    {
        var finding = await world.Backup.Changes.MakeAsync(change => change.Db.Locations.Select(one => one.Finding).SingleAsync(), default);
        if (finding is not null) throw new SimulationFailure($"the vault is not well: {finding}");
        if (await world.Snapshots.Changes.MakeAsync(change => change.Db.Orphans.CountAsync(), default) > 0)
            throw new SimulationFailure("the survey finds an orphan");
    }
}
