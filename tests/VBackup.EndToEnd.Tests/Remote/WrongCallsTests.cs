using System.Text.RegularExpressions;
using VBackup.EndToEnd.Tests.World;
using Xunit;

namespace VBackup.EndToEnd.Tests.Remote;

/// <summary>Commands of a Portal that are called wrongly: one line says what is wrong, and the exit status whether anything was
/// tried.</summary>
public sealed class WrongCallsTests(WrongCallsTests.UsedSystem used) : IClassFixture<WrongCallsTests.UsedSystem>
{
    const string NoId = "01999999-0000-7000-8000-000000000000";

    /// <summary>A system with two points, in which somebody is signed in.</summary>
    public sealed class UsedSystem : IAsyncLifetime
    {
        readonly string _folder = Directory.CreateTempSubdirectory("vbackup-wrong-").FullName;
        UpProcess? _up;

        internal RemoteUser User { get; }

        internal string Url => RemoteUser.UrlOf(_up!);

        public string At(string name) => Path.Combine(_folder, name);

        public UsedSystem() => User = new(_folder);

        public async ValueTask InitializeAsync()
        {
            _up = await UpProcess.StartAsync(At("data"));
            await User.SignInAsync(_up);
            await Looking.UntilAsync(() => User.TextAsync("server", "list"), text => text.Contains("web-1", StringComparison.Ordinal));
            for (var i = 0; i < 2; i++) await User.TextAsync("backup-now", "web-1", "--wait");
            foreach (var (name, content) in ((string, string)[])[("broken.json", "{"), ("array.json", "[]"), ("empty.json", ""),
                ("typo.json", """{"launchTime":"02:00","zone":"Etc/UTC","daly":{}}"""), ("long.json", new string(' ', 100_000))])
                await File.WriteAllTextAsync(At(name), content);
        }

        public async ValueTask DisposeAsync()
        {
            if (_up is not null) await _up.DisposeAsync();
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Theory]
    [InlineData(1, $"there is no point '{NoId}'; 'vbackup point list' shows those that there are", $"point show {NoId}")]
    [InlineData(1, "several points begin with '0': *(web-1), *(web-1)", "point explain 0")]
    [InlineData(1, "there is no point '../users'; *", "point delete ../users")]
    [InlineData(1, "there is no run 'ffffffff'; *", "run watch ffffffff")]
    [InlineData(1, "there is no server 'nobody'; *", "backup-now nobody --wait")]
    [InlineData(1, "there is no server '../points'; *", "server volumes ../points")]
    [InlineData(1, "there is no server 'local/..'; *", "server volumes local/..")]
    [InlineData(1, "there is no policy 'a/b?c=d#e'; *", "policy show a/b?c=d#e")]
    [InlineData(1, "there is no location 'nothing'; *", "plan set-location web-1 nothing")]
    [InlineData(1, "the server web-1 has a plan already: change that one", "plan create web-1")]
    [InlineData(1, "the policy default is a default of the system, which nobody deletes", "policy delete default")]
    [InlineData(2, "--keep-daily 99999999999 is not a whole number of at most 2147483647 (see 'vbackup policy create --help')",
        "policy create x --daily 02:00 --keep-daily 99999999999")]
    [InlineData(2, "--kept-days many is not a whole number *", "snapshot create web-1 --name before --kept-days many")]
    [InlineData(2, "--change-days 1.5 is not a whole number *", "location lock local --min-days 1 --change-days 1.5")]
    [InlineData(2, "--daily 25:00 is not a time of day: give one such as 02:00", "policy create x --daily 25:00 --keep-daily 1")]
    [InlineData(2, "--window 8 is not a time of day: *", "policy create x --daily 02:00 --keep-daily 1 --window 8-10:00")]
    [InlineData(2, "--stop-by noon is not a time of day: *",
        "policy create x --daily 02:00 --keep-daily 1 --window 08:00-10:00 --stop-by noon")]
    [InlineData(1, "refused: rules.daily.keep: it is 0; it is 1 to 1000", "policy create x --daily 02:00 --keep-daily 0")]
    [InlineData(1, "refused: rules.zone: it is 'Mars/Base', which is no time zone; *",
        "policy create x --daily 02:00 --keep-daily 1 --zone Mars/Base")]
    [InlineData(1, "no such file: *nofile.json", "policy create x --file nofile.json")]
    [InlineData(1, "broken.json is not JSON: *", "policy create x --file broken.json")]
    [InlineData(1, "empty.json is not JSON: *", "policy create x --file empty.json")]
    [InlineData(1, "*long.json has more than 64.0 KiB: a policy is short", "policy create x --file long.json")]
    [InlineData(1, "refused: rules: *", "policy create x --file array.json")]
    [InlineData(1, "refused: rules.daly: it is not known here, *", "policy create x --file typo.json")]
    [InlineData(1, "refused: softDeleteDays: *",
        "location create x --region local --kind filesystem --address /srv/x --bin-days -1")]
    [InlineData(2, "--quota 0 is not a size: *", "location create x --region local --kind filesystem --address /srv/x --quota 0")]
    [InlineData(1, "refused: address: *", "location create x --region local --kind filesystem --address relative")]
    [InlineData(1, "refused: maxDays: it is no less than minDays", "location lock local --change-days 1 --min-days 5 --max-days 2")]
    [InlineData(1, "refused: volumes: the server has no volume vdz", "snapshot create web-1 --name before --volume vdz")]
    [InlineData(1, "refused: state: it is one of creating, active, *", "point list --state nonsense")]
    [InlineData(2, "'frob' is not understood (see 'vbackup point --help')", "point frob")]
    [InlineData(2, "Required argument 'SERVER' missing *", "backup-now")]
    [InlineData(1, "http://127.0.0.1:1 cannot be reached *", "login http://127.0.0.1:1 --user admin --password-file typo.json")]
    [InlineData(2, "the Portal's URL is written as *", "login 127.0.0.1:8080 --user admin --password-file typo.json")]
    [InlineData(2, "the Portal's URL is written as *", "login http://127.0.0.1:99999 --user admin --password-file typo.json")]
    [InlineData(1, "not signed in to http://127.0.0.1:7, so there is nothing to end", "logout http://127.0.0.1:7")]
    public async Task A_wrong_call_gets_one_line_that_says_what_is_wrong(int status, string line, string command)
    {
        var ended = (await CliProcess.RunAsync(command.Split(' '), used.User.Variables, folder: used.At(""))).Expect(status);
        Assert.Matches(Line(line), Assert.Single(ended.Errors));
        Assert.Empty(ended.Output);
    }

    [Theory]
    [InlineData(1, "the token is not known, has expired or was revoked; sign in with *", "vb_wrong", null)]
    [InlineData(2, "VBACKUP_TOKEN holds no token: *", "a b", null)]
    [InlineData(2, "the Portal's URL is written as *", "vb_wrong", "nonsense")]
    [InlineData(1, "http://127.0.0.1:1 cannot be reached *", "vb_wrong", "http://127.0.0.1:1")]
    public async Task A_token_that_is_none_or_for_nobody_gets_one_line(int status, string line, string token, string? url)
    {
        var user = new RemoteUser(used.At("other"));
        user.Set("VBACKUP_TOKEN", token);
        user.Set("VBACKUP_URL", url ?? used.Url);
        Assert.Matches(Line(line), await user.RefusalAsync(status, "backup-now", "web-1", "--wait"));
    }

    [Fact]
    public async Task A_lock_that_is_not_there_is_not_said_to_be_taken_away() =>
        Assert.Equal("location 'local' has no lock", await used.User.TextAsync("location", "unlock", "local"));

    /// <param name="text">In which '*' stands for anything.</param>
    static string Line(string text) => $"^vbackup: {Regex.Escape(text).Replace(@"\*", ".*", StringComparison.Ordinal)}$";
}
