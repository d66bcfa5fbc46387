using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Access;
using VBackup.Contracts.Calls;
using VBackup.Contracts.Ids;
using VBackup.Platform.Databases;

namespace VBackup.Service.Work;

/// <summary>Which workers there may be, and who calls. Thread-safe.</summary>
public sealed class WorkerAccess(ChangeMaker<BackupDb> changes) : IWorkerAccess, IEnrolment, IWorkerGate
{
    /// <summary>How long a token may be good. Whoever finds it within that time can be a worker, and gets the keys of what he is to
    /// back up.</summary>
    public static readonly TimeSpan LifetimeMin = TimeSpan.FromMinutes(1), LifetimeMax = TimeSpan.FromHours(24);

    const int NameMax = 100;

    public Task<EnrolmentToken> MakeTokenAsync(string region, TimeSpan lifetime, CancellationToken cancellation)
    {
        RequireName("region", region);
        if (lifetime < LifetimeMin || lifetime > LifetimeMax)
            throw new CallRefusedException(
                $"a token is good for {LifetimeMin.TotalMinutes} minute to {LifetimeMax.TotalHours} hours: {lifetime} was asked for");
        return changes.MakeAsync(async change =>
        {
            // Those that nobody can use any more tell nothing.
            var now = change.Now;
            change.Db.Enrolments.RemoveRange(await change.Db.Enrolments.Where(one => one.ExpiresAt <= now).ToListAsync(cancellation)
                .ConfigureAwait(false));
            var id = change.NewId<EnrolmentId>();
            var (text, digest) = AccessText.New(id.Value);
            var enrolment = new Enrolment(id, region, digest, now + lifetime);
            change.Db.Enrolments.Add(enrolment);
            return new EnrolmentToken(id, text, enrolment.ExpiresAt);
        }, cancellation);
    }

    public Task<EnrolledWorker?> EnrolAsync(string token, string name, CancellationToken cancellation)
    {
        RequireName("worker", name);
        return AccessText.Read(token) is not var (id, digest) ? Task.FromResult<EnrolledWorker?>(null) : changes.MakeAsync(async change =>
        {
            var enrolment = await change.Db.Enrolments.FindAsync([new EnrolmentId(id)], cancellation).ConfigureAwait(false);
            if (!AccessText.IsSame(digest, enrolment?.Digest) || !enrolment!.IsGoodAt(change.Now)) return null;
            var worker = change.NewId<WorkerId>();
            var (text, credential) = AccessText.New(worker.Value);
            enrolment.IsUsedBy(worker);
            change.Db.Workers.Add(new(worker, enrolment.Region, name, credential));
            return new EnrolledWorker(worker, enrolment.Region, text);
        }, cancellation);
    }

    public Task<IReadOnlyList<WorkerView>> ListAsync(CancellationToken cancellation) =>
        changes.MakeAsync<IReadOnlyList<WorkerView>>(async change =>
            [.. (await change.Db.Workers.OrderBy(one => one.Region).ThenBy(one => one.Name).ThenBy(one => one.Id).ToListAsync(cancellation)
                .ConfigureAwait(false)).Select(one =>
                    new WorkerView(one.Id, one.Region, one.Name, one.SeenAt, one.IsDraining, one.IsRevoked))], cancellation);

    public Task<bool> DrainAsync(WorkerId worker, bool drains, CancellationToken cancellation) =>
        ChangeAsync(worker, known => known.IsDraining = drains, cancellation);

    public Task<bool> RevokeAsync(WorkerId worker, CancellationToken cancellation) =>
        ChangeAsync(worker, known => known.Revoke(), cancellation);

    Task<bool> ChangeAsync(WorkerId worker, Action<Worker> act, CancellationToken cancellation) => changes.MakeAsync(async change =>
    {
        if (await change.Db.Workers.FindAsync([worker], cancellation).ConfigureAwait(false) is not { } known) return false;
        act(known);
        return true;
    }, cancellation);

    public Task<WorkerId?> AdmitAsync(string credential, CancellationToken cancellation) =>
        AccessText.Read(credential) is not var (id, digest) ? Task.FromResult<WorkerId?>(null) : changes.MakeAsync<WorkerId?>(
            async change => await change.Db.Workers.FindAsync([new WorkerId(id)], cancellation).ConfigureAwait(false)
                is { IsRevoked: false } known && AccessText.IsSame(digest, known.CredentialDigest) ? known.Id : null, cancellation);

    public Task<bool> HoldsAsync(WorkerId worker, WorkTaskId task, int epoch, CancellationToken cancellation) =>
        changes.MakeAsync(async change => await change.Db.Tasks.FindAsync([task], cancellation).ConfigureAwait(false) is { } held
            && held.Worker == worker && held.IsHeldUnder(epoch), cancellation);

    static void RequireName(string what, string name)
    {
        if (string.IsNullOrEmpty(name) || name.Length > NameMax || name.Any(char.IsControl))
            throw new CallRefusedException($"a {what}'s name has 1 to {NameMax} characters");
    }
}
