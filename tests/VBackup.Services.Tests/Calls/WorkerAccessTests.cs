using VBackup.Contracts.Access;
using VBackup.Contracts.Calls;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Contracts.Work;
using VBackup.Service.Work;
using VBackup.Services.Tests.World;
using Xunit;

namespace VBackup.Services.Tests.Calls;

/// <summary>Who may call what: workers that have enrolled, and services that have the services' credential.</summary>
public sealed class WorkerAccessTests
{
    public static TheoryData<string> Guarded =>
        [.. Ports.Names.Where(name => !name.StartsWith(nameof(IEnrolment), StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Guarded))]
    public async Task Without_a_credential_nobody_is_heard(string name)
    {
        var method = Ports.Method(name);
        var port = new ListeningPort();
        await using var served = await Ports.ServeAsync(port);
        // The other kind of caller is none here either.
        var others = Ports.CredentialFor(method) == Ports.WorkerCredential ? ServedCalls.ServiceCredential : Ports.WorkerCredential;
        foreach (var credential in (string?[])[null, "", "anything", others])
            await Assert.ThrowsAsync<CallRefusedException>(
                () => Ports.CallAsync(served.Open(credential), method, Ports.Said(method, new(1))));
        Assert.Empty(port.Heard);
    }

    [Fact]
    public async Task A_token_lets_one_worker_in_once()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await using var served = await ServedCalls.OfAsync(world);
        var token = await TokenAsync(served);
        var worker = (await EnrolAsync(served, token.Text))!;
        Assert.Equal(ServiceWorld.Region, worker.Region);
        Assert.Null(await EnrolAsync(served, token.Text));
        Assert.Single(await ListAsync(served), one => one is { Name: "edge-1" } && one.Worker == worker.Worker);
        await served.Open(worker.Credential).Work.AcquireAsync(worker.Worker, default);
    }

    [Fact]
    public async Task Of_many_who_show_a_token_at_once_one_is_let_in()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await using var served = await ServedCalls.OfAsync(world);
        var token = await TokenAsync(served);
        var enrolled = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => EnrolAsync(served, token.Text)));
        Assert.Single(enrolled, one => one is not null);
        // Beside the world's own.
        Assert.Equal(2, (await ListAsync(served)).Count);
    }

    [Fact]
    public async Task A_token_whose_time_is_over_lets_nobody_in()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await using var served = await ServedCalls.OfAsync(world);
        var token = await TokenAsync(served);
        Assert.Equal(world.Clock.GetUtcNow() + TimeSpan.FromHours(1), token.ExpiresAt);
        world.Clock.SetUtcNow(token.ExpiresAt);
        Assert.Null(await EnrolAsync(served, token.Text));
    }

    [Fact]
    public async Task A_token_that_nobody_made_lets_nobody_in()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await using var served = await ServedCalls.OfAsync(world);
        var (token, other) = (await TokenAsync(served), await TokenAsync(served));
        var secret = other.Text[other.Text.IndexOf('.', StringComparison.Ordinal)..];
        foreach (var text in (string[])["", ".", "x", $"{token.Id}", $"{token.Id}.", $"{token.Id}{secret}", token.Text + "A",
            token.Text[..^1], new('x', 100_000)])
            Assert.Null(await EnrolAsync(served, text));
        // And it was not used up by the attempts.
        Assert.NotNull(await EnrolAsync(served, token.Text));
    }

    [Theory]
    [InlineData("here", 0)]
    [InlineData("here", 25)]
    [InlineData("", 1)]
    [InlineData("a\nb", 1)]
    public async Task A_token_that_cannot_be_is_not_made(string region, int hours)
    {
        await using var world = await ServiceWorld.MakeAsync();
        await using var served = await ServedCalls.OfAsync(world);
        await Assert.ThrowsAsync<CallRefusedException>(
            () => served.Open(ServedCalls.ServiceCredential).Workers.MakeTokenAsync(region, TimeSpan.FromHours(hours), default));
    }

    [Fact]
    public async Task Neither_tokens_nor_credentials_are_in_the_database()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await using var served = await ServedCalls.OfAsync(world);
        var token = await TokenAsync(served);
        var worker = (await EnrolAsync(served, (await TokenAsync(served)).Text))!;
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        var kept = string.Concat(Directory.GetFiles(world.Path("."), "backup.db*").Select(file =>
        {
            using var reading = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(reading, System.Text.Encoding.Latin1);
            return reader.ReadToEnd();
        }));
        Assert.Contains("edge-1", kept, StringComparison.Ordinal);
        foreach (var text in (string[])[token.Text, worker.Credential])
        {
            var secret = text[(text.IndexOf('.', StringComparison.Ordinal) + 1)..];
            Assert.DoesNotContain(secret, kept, StringComparison.Ordinal);
            Assert.DoesNotContain(System.Text.Encoding.Latin1.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(secret)), kept,
                StringComparison.Ordinal);
            Assert.Equal(32, System.Buffers.Text.Base64Url.DecodeFromChars(secret).Length);
        }
    }

    [Fact]
    public async Task A_worker_that_is_revoked_is_not_heard_any_more()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await using var served = await ServedCalls.OfAsync(world);
        var (worker, line) = await served.EnrolAsync();
        await world.OrderBackupAsync(await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1))));
        await world.WorkUntilAsync(WorkKind.Export);
        var lease = (await line.Work.AcquireAsync(worker.Worker, default))!;
        Assert.IsType<WorkAnswer.GoOn>(await line.Work.ReportAsync(lease.Task, lease.Epoch, new(1, 2, 3), default));

        Assert.True(await served.Open(ServedCalls.ServiceCredential).Workers.RevokeAsync(worker.Worker, default));
        var refused = await Assert.ThrowsAsync<CallRefusedException>(
            () => line.Work.ReportAsync(lease.Task, lease.Epoch, new(1, 2, 3), default));
        Assert.Equal("the worker's credential is not known, or was revoked", refused.Message);
        await Assert.ThrowsAsync<CallRefusedException>(() => line.Work.CompleteAsync(lease.Task, lease.Epoch, "{}", default));
        await Assert.ThrowsAsync<CallRefusedException>(() => line.Work.AcquireAsync(worker.Worker, default));
        Assert.True((await ListAsync(served)).Single(one => one.Worker == worker.Worker).IsRevoked);
        // Nobody knows whether it has stopped: its task is another's when the lease is over.
        Assert.Null(await world.Source.AcquireAsync(world.WorkerId, default));
        world.Clock.Advance(TimeSpan.FromSeconds(61));
        await world.Clockwork.TurnAsync(default);
        world.Clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(lease.Task, (await world.Source.AcquireAsync(world.WorkerId, default))?.Task);
    }

    [Fact]
    public async Task A_worker_that_is_drained_ends_what_it_has_and_gets_no_more()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await using var served = await ServedCalls.OfAsync(world);
        var (worker, line) = await served.EnrolAsync();
        var workers = served.Open(ServedCalls.ServiceCredential).Workers;
        await world.OrderBackupAsync(await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1))));
        await world.OrderBackupAsync(await world.AddServerAsync("mail", ("vda", SnapshotServiceTests.Content(2))));
        await world.WorkUntilAsync(WorkKind.Export);
        var lease = (await line.Work.AcquireAsync(worker.Worker, default))!;

        Assert.True(await workers.DrainAsync(worker.Worker, drains: true, default));
        Assert.Null(await line.Work.AcquireAsync(worker.Worker, default));
        Assert.IsType<WorkAnswer.GoOn>(await line.Work.ReportAsync(lease.Task, lease.Epoch, new(1, 2, 3), default));
        Assert.True(await line.Work.GiveBackAsync(lease.Task, lease.Epoch, "it is drained", default));
        Assert.True(await workers.DrainAsync(worker.Worker, drains: false, default));
        Assert.NotNull(await line.Work.AcquireAsync(worker.Worker, default));
        Assert.False(await workers.DrainAsync(WorkerId.From(Guid.Parse("00000001-0000-7000-8000-000000000000")), drains: true, default));
        Assert.False(await workers.RevokeAsync(WorkerId.From(Guid.Parse("00000001-0000-7000-8000-000000000000")), default));
    }

    [Fact]
    public async Task A_region_whose_only_worker_is_drained_has_nobody()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await using var served = await ServedCalls.OfAsync(world);
        var (worker, line) = await served.EnrolAsync();
        var order = await world.OrderBackupAsync(await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1))));
        await world.WorkUntilAsync(WorkKind.Export);
        await served.Open(ServedCalls.ServiceCredential).Workers.DrainAsync(worker.Worker, drains: true, default);
        world.Clock.Advance(TimeSpan.FromMinutes(5));
        await line.Work.AcquireAsync(worker.Worker, default);
        await world.Clockwork.TurnAsync(default);
        await world.BackupPump.SendDueAsync(default);
        Assert.NotNull(world.Portal.Run(order.Run).WaitsForWorkerSince);
    }

    [Fact]
    public async Task A_worker_speaks_for_itself_and_of_its_own_tasks_alone()
    {
        await using var world = await ServiceWorld.MakeAsync();
        await using var served = await ServedCalls.OfAsync(world);
        var (worker, line) = await served.EnrolAsync();
        var (other, others) = await served.EnrolAsync("other");
        await world.OrderBackupAsync(await world.AddServerAsync("web", ("vda", SnapshotServiceTests.Content(1))));
        await world.WorkUntilAsync(WorkKind.Export);
        var refused = await Assert.ThrowsAsync<CallRefusedException>(() => others.Work.AcquireAsync(worker.Worker, default));
        Assert.Equal("the credential is another worker's", refused.Message);
        await Assert.ThrowsAsync<CallRefusedException>(() => others.Work.ReportServersAsync(worker.Worker, [], default));

        // Epochs are counted, and may be guessed.
        var lease = (await line.Work.AcquireAsync(worker.Worker, default))!;
        Assert.IsType<WorkAnswer.Lost>(await others.Work.ReportAsync(lease.Task, lease.Epoch, new(1, 2, 3), default));
        Assert.False(await others.Work.CompleteAsync(lease.Task, lease.Epoch, "{}", default));
        Assert.False(await others.Work.FailAsync(lease.Task, lease.Epoch, new("no", MayPass: false), default));
        Assert.False(await others.Work.GiveBackAsync(lease.Task, lease.Epoch, "no", default));
        Assert.IsType<WorkAnswer.GoOn>(await line.Work.ReportAsync(lease.Task, lease.Epoch, new(1, 2, 3), default));
        Assert.Equal(other.Region, worker.Region);
    }

    static Task<EnrolmentToken> TokenAsync(ServedCalls served) =>
        served.Open(ServedCalls.ServiceCredential).Workers.MakeTokenAsync(ServiceWorld.Region, TimeSpan.FromHours(1), default);

    static Task<EnrolledWorker?> EnrolAsync(ServedCalls served, string token) =>
        served.Open(null).Enrolment.EnrolAsync(token, "edge-1", default);

    static Task<IReadOnlyList<WorkerView>> ListAsync(ServedCalls served) =>
        served.Open(ServedCalls.ServiceCredential).Workers.ListAsync(default);
}
