using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests;

/// <summary><c>vbackup up</c>, as a process: the first start, the next ones, and what keeps it from starting.</summary>
public sealed class UpTests : IDisposable
{
    const string Chosen = "correct horse battery staple";
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-up-").FullName;

    [Fact]
    public async Task The_first_start_tells_a_password_and_none_does_once_it_was_used_though_the_system_is_killed()
    {
        string oneTime;
        await using (var first = await UpProcess.StartAsync(Data))
        {
            oneTime = Assert.IsType<string>(first.OneTimePassword);
            Assert.Equal(HttpStatusCode.OK, (await first.Http.GetAsync("/health/ready")).StatusCode);
            // Of the whole program, which has pages too: they are not in it.
            var document = await first.Http.GetStringAsync("/openapi/v1.json");
            Assert.Contains("/api/v1/plans", document, StringComparison.Ordinal);
            Assert.DoesNotContain("/sign-out", document, StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.Forbidden, (await SignInAsync(first, oneTime)).StatusCode);
            var changed = await first.Http.PutAsJsonAsync("/api/v1/users/me/password",
                new { user = "admin", password = oneTime, newPassword = Chosen });
            Assert.True(changed.IsSuccessStatusCode, await changed.Content.ReadAsStringAsync());
            Assert.Equal(HttpStatusCode.Created, (await SignInAsync(first, Chosen)).StatusCode);
            first.Process.Kill();
        }
        await using var second = await UpProcess.StartAsync(Data);
        Assert.Null(second.OneTimePassword);
        Assert.Equal(HttpStatusCode.Unauthorized, (await SignInAsync(second, oneTime)).StatusCode);
        var session = await SignInAsync(second, Chosen);
        Assert.Equal(HttpStatusCode.Created, session.StatusCode);
        await second.Process.SignalAsync("TERM");
        var ended = await second.Process.WaitAsync();
        Assert.DoesNotContain(ended.Errors, line => line.Contains("failed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_password_that_nobody_used_is_told_anew_at_the_next_start()
    {
        string seen;
        await using (var first = await UpProcess.StartAsync(Data))
        {
            seen = Assert.IsType<string>(first.OneTimePassword);
            first.Process.Kill();
        }
        await using var second = await UpProcess.StartAsync(Data);
        Assert.NotNull(second.OneTimePassword);
        Assert.NotEqual(seen, second.OneTimePassword);
        Assert.Equal(HttpStatusCode.Unauthorized, (await SignInAsync(second, seen)).StatusCode);
        await second.SignInAsync(Chosen);
    }

    [Fact]
    public async Task A_start_that_ends_between_making_the_password_and_telling_it_loses_nothing()
    {
        // Where the first location is to be, which is made behind the administrator and before anything is told.
        Directory.CreateDirectory(Data);
        var inTheWay = Path.Combine(Data, "location");
        await File.WriteAllTextAsync(inTheWay, "");
        var ended = (await CliProcess.RunAsync(["up", "--data", Data, "--listen", "127.0.0.1:0", "--json"])).Expect(1);
        Assert.DoesNotContain(ended.Output, line => line.Contains("oneTimePassword", StringComparison.Ordinal));
        Assert.Equal(1L, await AskAsync(Path.Combine(Data, "portal.db"), "SELECT COUNT(*) FROM users"));
        File.Delete(inTheWay);
        await using var up = await UpProcess.StartAsync(Data);
        await up.SignInAsync(Chosen);
        Assert.NotEmpty(await up.FirstServerAsync());
    }

    [Fact]
    public async Task A_server_is_backed_up_and_comes_back_over_the_API_alone()
    {
        await using var up = await UpProcess.StartAsync(Data);
        await up.SignInAsync(Chosen);
        var server = await up.FirstServerAsync();
        Assert.Equal("succeeded", await up.FollowAsync(await up.PostAsync($"servers/{server}/backups", new { })));
        var point = (await up.GetAsync("points")).GetProperty("items")[0];
        Assert.Equal("active", point.GetProperty("state").GetString());
        var volumes = Path.Combine(Data, "cloud", "volumes");
        Assert.Equal("succeeded", await up.FollowAsync(await up.PostAsync($"points/{point.GetProperty("id").GetString()}/restores",
            new { target = "newVolume", name = "back", volume = "vda" })));
        Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(volumes, "web-1-boot.raw")),
            await File.ReadAllBytesAsync(Path.Combine(volumes, "back.raw")));
    }

    [Fact]
    public async Task A_second_process_on_the_same_folder_is_refused_in_one_line()
    {
        await using var first = await UpProcess.StartAsync(Data);
        var second = (await CliProcess.RunAsync(["up", "--data", Data, "--listen", "127.0.0.1:0"])).Expect(1);
        Assert.Contains("another 'vbackup up' has it", Assert.Single(second.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_master_key_that_is_gone_is_not_made_anew()
    {
        await using (var first = await UpProcess.StartAsync(Data)) first.Process.Kill();
        File.Delete(Path.Combine(Data, "master.key"));
        var ended = (await CliProcess.RunAsync(["up", "--data", Data, "--listen", "127.0.0.1:0"])).Expect(1);
        Assert.Contains("bring it back", Assert.Single(ended.Errors), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Data, "master.key")));
    }

    [Theory]
    [InlineData("portal.db", 1000, "run the later program again")]
    [InlineData("backup.db", 1000, "run the later program again")]
    [InlineData("snapshots.db", 1, "this program needs version 2")]
    public async Task Tables_of_another_version_are_refused_and_left_alone(string database, int version, string reason)
    {
        await using (var first = await UpProcess.StartAsync(Data)) first.Process.Kill();
        var path = Path.Combine(Data, database);
        Assert.Equal(1L, await AskAsync(path, $"UPDATE schema_version SET Version = {version} RETURNING 1"));
        var ended = (await CliProcess.RunAsync(["up", "--data", Data, "--listen", "127.0.0.1:0"])).Expect(1);
        var line = Assert.Single(ended.Errors);
        Assert.Contains($"{database} has version {version} of the tables", line, StringComparison.Ordinal);
        Assert.Contains(reason, line, StringComparison.Ordinal);
        Assert.Equal((long)version, await AskAsync(path, "SELECT Version FROM schema_version"));
    }

    static async Task<object?> AskAsync(string path, string sql)
    {
        await using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path,
            Pooling = false }.ToString());
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return await command.ExecuteScalarAsync();
    }

    [Theory]
    [InlineData("0.0.0.0:8080", "TLS")]
    [InlineData("[::]:8080", "TLS")]
    [InlineData("localhost", "an address and a port")]
    public async Task It_listens_on_this_machine_only(string listen, string reason)
    {
        var ended = (await CliProcess.RunAsync(["up", "--data", Data, "--listen", listen])).Expect(2);
        Assert.Contains(reason, Assert.Single(ended.Errors), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Data));
    }

    [Fact]
    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    public async Task What_it_keeps_is_for_its_owners_eyes()
    {
        await using (var first = await UpProcess.StartAsync(Data)) first.Process.Kill();
        const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        Assert.Equal(default, File.GetUnixFileMode(Data) & Others);
        Assert.Equal(default, File.GetUnixFileMode(Path.Combine(Data, "master.key")) & Others);
    }

    string Data => Path.Combine(_folder, "data");

    static Task<HttpResponseMessage> SignInAsync(UpProcess up, string password) =>
        up.Http.PostAsJsonAsync("/api/v1/sessions", new { user = "admin", password });

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
