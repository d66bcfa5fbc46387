using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Messages;
using VBackup.Service.Work;
using VBackup.Snapshots;

namespace VBackup.Services.Tests.Crashes;

/// <summary>Nothing goes wrong any more, and time goes on: all that was begun has to end.</summary>
sealed class Rest(CrashWorld world, Driver driver)
{
    const int RoundsMax = 80, RoundsOfSeconds = 25, ProgressMax = 30;
    static readonly TimeSpan s_short = TimeSpan.FromSeconds(15), s_long = TimeSpan.FromSeconds(200);

    public async Task ComeAsync()
    {
        for (var round = 0; ; round++)
        {
            await EverybodyAsync();
            world.RequireBlameless();
            if (await WhatIsOpenAsync() is not { } open) return;
            if (round == RoundsMax) throw new SimulationFailure($"it does not come to rest: {open}");
            world.Pass(round < RoundsOfSeconds ? s_short : s_long);
        }
    }

    async Task EverybodyAsync()
    {
        await driver.WakeAllAsync();
        var goesOn = true;
        for (var i = 0; i < ProgressMax && goesOn; i++)
        {
            await world.Portal.SendAsync();
            while (world.Post.Late > 0) await world.Post.DeliverLateAsync(world.Random);
            await driver.BackupPumpAsync();
            await driver.SnapshotsPumpAsync();
            await driver.SnapshotWorkAsync();
            await driver.ClockworkAsync();
            goesOn = false;
            foreach (var worker in world.Workers.ToList()) goesOn |= await driver.WorkAsync(worker);
            goesOn |= await IsAnythingDueAsync();
        }
    }

    async Task<bool> IsAnythingDueAsync()
    {
        var now = world.Clock.GetUtcNow();
        return await world.Backup.Changes.MakeAsync(change => change.Db.Outbox.AnyAsync(one => one.NextAttemptAt <= now), default)
            || await world.Snapshots.Changes.MakeAsync(async change => await change.Db.Outbox.AnyAsync(one => one.NextAttemptAt <= now)
                || await change.Db.Snapshots.AnyAsync(one => one.Next != SnapshotStep.None && one.DueAt <= now), default);
    }

    /// <returns>Null when there is nothing.</returns>
    async Task<string?> WhatIsOpenAsync()
    {
        if (world.Portal.Unsent > 0) return "the Portal has not sent all orders";
        return await world.Backup.Changes.MakeAsync(async change =>
        {
            if (await change.Db.Outbox.FirstOrDefaultAsync(one => one.NextAttemptAt != null) is { } message)
                return $"backup has not sent {message.Name}: {message.LastError}";
            if (await change.Db.Tasks.FirstOrDefaultAsync(one => one.State < WorkTaskState.Done) is { } task)
                return $"the task {task.Kind} is {task.State}: {task.Error}";
            return await change.Db.Runs.FirstOrDefaultAsync(one => one.State < RunState.Succeeded) is { } run
                ? $"the {run.Kind} is {run.State}" : null;
        }, default) ?? await world.Snapshots.Changes.MakeAsync(async change =>
        {
            if (await change.Db.Outbox.FirstOrDefaultAsync(one => one.NextAttemptAt != null) is { } message)
                return $"snapshots has not sent {message.Name}: {message.LastError}";
            return await change.Db.Snapshots.FirstOrDefaultAsync(one => one.Next != SnapshotStep.None) is { } snapshot
                ? $"the snapshot for {snapshot.Purpose} is to be done {snapshot.Next}: {snapshot.Error}" : null;
        }, default);
    }
}
