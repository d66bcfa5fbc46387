using Xunit;

namespace VBackup.Architecture.Tests;

public sealed class SourceRuleTests
{
    [Fact]
    public void No_exception_is_swallowed() => Holds(SourceRules.SwallowedExceptions, Repository.TextsNamed(".cs"));

    [Fact]
    public void No_thread_waits_for_a_task() => Holds(SourceRules.BlockingWaits, Repository.TextsNamed(".cs"));

    [Fact]
    public void File_names_say_something() => Holds(SourceRules.EmptyNames, Repository.TextsNamed(".cs"));

    [Fact]
    public void Files_are_short() =>
        Holds(SourceRules.Length, Repository.Texts().Where(file => file.IsBash || Path.GetExtension(file.Name) is ".cs" or ".py"));

    [Fact]
    public void Lines_are_short() => Holds(SourceRules.Width, Repository.TextsNamed(".cs"));

    [Fact]
    public void No_code_is_unsafe() => Holds(SourceRules.UnsafeCode, Repository.TextsNamed("proj", ".props", ".targets"));

    [Fact]
    public void Silenced_warnings_say_why() =>
        Holds(SourceRules.SilencedWarnings, Repository.TextsNamed(".cs", "proj", ".props", ".targets"));

    [Fact]
    public void No_test_is_skipped_for_ever() => Holds(SourceRules.SkippedTests, Repository.TextsNamed(".cs"));

    [Fact]
    public void Nothing_names_a_path_of_one_machine() => Holds(SourceRules.MachinePaths, Repository.Texts());

    [Fact]
    public void No_plans_or_notes_lie_about() => Holds(SourceRules.InternalFiles, Repository.Texts());

    [Theory]
    [InlineData("try { Go(); } ca" + "tch { }")]
    [InlineData("ca" + "tch (IOException)\n{\n}")]
    [InlineData("ca" + "tch (IOException e) when (e.HResult == Some(1, (2))) {}")]
    public void A_swallowed_exception_is_found(string code) => Finds(SourceRules.SwallowedExceptions, "A.cs", code);

    [Theory]
    [InlineData("catch (IOException) { return; }")]
    [InlineData("catch (IOException) when (stopping) { /* The reader is gone: nobody waits for this. */ }")]
    public void A_handled_exception_is_not(string code) => FindsNothing(SourceRules.SwallowedExceptions, "A.cs", code);

    [Theory]
    [InlineData("Go().GetAwaiter()" + ".GetResult();")]
    [InlineData("Go()\n    .GetAwaiter()\n    " + ".GetResult();")]
    public void A_blocking_wait_is_found(string code) => Finds(SourceRules.BlockingWaits, "A.cs", code);

    [Theory]
    [InlineData("src/x/VaultManager.cs")]
    [InlineData("src/x/PackHelper.cs")]
    [InlineData("src/x/StringUtils.cs")]
    [InlineData("src/x/Common.cs")]
    [InlineData("src/x/StoreBase.cs")]
    [InlineData("src/x/PackInfo.cs")]
    [InlineData("src/x/PackData.cs")]
    [InlineData("src/x/Extensions.cs")]
    public void A_name_that_says_nothing_is_found(string path) => Finds(SourceRules.EmptyNames, path, "");

    [Theory]
    [InlineData("src/x/Database.cs")]
    [InlineData("src/x/PackWriter.cs")]
    public void A_name_that_says_something_is_not(string path) => FindsNothing(SourceRules.EmptyNames, path, "");

    [Fact]
    public void A_file_that_is_too_long_is_found()
    {
        Finds(SourceRules.Length, "A.cs", new string('\n', SourceRules.LinesMax + 1));
        FindsNothing(SourceRules.Length, "A.cs", new string('\n', SourceRules.LinesMax));
    }

    [Fact]
    public void A_line_that_is_too_long_is_found_unless_it_is_data_in_one_piece()
    {
        var fits = string.Concat(Enumerable.Repeat("ab ", SourceRules.ColumnsMax)).AsSpan(0, SourceRules.ColumnsMax).ToString();
        FindsNothing(SourceRules.Width, "A.cs", fits);
        Finds(SourceRules.Width, "A.cs", $"\n{fits}c");
        FindsNothing(SourceRules.Width, "A.cs", $"{fits} {new string('0', SourceRules.PieceMin)}");
    }

    [Theory]
    [InlineData("A.csproj")]
    [InlineData("src/clouds/VBackup.Clouds/VBackup.Clouds.csproj")]
    [InlineData("tests/VBackup.Clouds.Ceph.Tests/VBackup.Clouds.Ceph.Tests.csproj")]
    [InlineData("Directory.Build.props")]
    public void Unsafe_code_is_found(string path) =>
        Finds(SourceRules.UnsafeCode, path, "<PropertyGroup><AllowUnsafe" + "Blocks>true</AllowUnsafe" + "Blocks>");

    [Fact]
    public void Only_one_project_may_be_unsafe() => FindsNothing(
        SourceRules.UnsafeCode, SourceRules.UnsafeProject, "<AllowUnsafe" + "Blocks>true</AllowUnsafe" + "Blocks>");

    [Fact]
    public void The_project_that_may_be_unsafe_is_there_and_is() => Assert.Contains(
        "<AllowUnsafe" + "Blocks>", Assert.Single(Repository.Texts(), file => file.Path == SourceRules.UnsafeProject).Text);

    [Theory]
    [InlineData("#pragma warning" + " disable CA1000")]
    [InlineData("#pragma warning" + " disable CA1000 // fine")]
    [InlineData("int Before();\n[Suppress" + "Message(\"a\", \"b\")]")]
    [InlineData("<PropertyGroup>\n<No" + "Warn>CA1000</No" + "Warn>")]
    public void A_silenced_warning_without_a_reason_is_found(string code) => Finds(SourceRules.SilencedWarnings, "A.cs", code);

    [Theory]
    [InlineData("// The format demands this order.\n#pragma warning" + " disable CA1000")]
    [InlineData("#pragma warning" + " disable CA1000 // The format demands this order.")]
    [InlineData("[Suppress" + "Message(\"a\", \"b\", Justification = \"The format demands this order.\")]")]
    [InlineData("<!-- The names of tests\n     are sentences. -->\n<No" + "Warn>CA1000</No" + "Warn>")]
    public void A_silenced_warning_with_a_reason_is_not(string code) =>
        FindsNothing(SourceRules.SilencedWarnings, "A.cs", code);

    [Fact]
    public void A_test_that_never_runs_is_found() =>
        Finds(SourceRules.SkippedTests, "A.cs", "[Fact(DisplayName = \"a\", Sk" + "ip = \"broken\")]");

    [Theory]
    [InlineData("cd /ro" + "ot/project")]
    [InlineData("x=\"/ho" + "me/me/vault\"")]
    [InlineData("cat </tm" + "p/mine/log")]
    public void A_path_of_one_machine_is_found(string text) => Finds(SourceRules.MachinePaths, "a", text);

    [Theory]
    [InlineData("mktemp -d /tmp/vb.XXXXXX")]
    [InlineData("cat \"$folder/work/log\"")]
    [InlineData("vault init --vault /srv/vault")]
    public void A_path_of_any_machine_is_not(string text) => FindsNothing(SourceRules.MachinePaths, "a", text);

    [Theory]
    [InlineData("TODO.md")]
    [InlineData("docs/todo")]
    [InlineData("src/plan-of-vault.txt")]
    public void A_plan_is_found(string path) => Finds(SourceRules.InternalFiles, path, "");

    static void Holds(Func<TextFile, IEnumerable<string>> rule, IEnumerable<TextFile> files)
    {
        var looked = files.ToList();
        Assert.NotEmpty(looked);
        Complaints.AreNone(looked.SelectMany(rule));
    }

    static void Finds(Func<TextFile, IEnumerable<string>> rule, string path, string text) =>
        Assert.Single(rule(new TextFile(path, text)));

    static void FindsNothing(Func<TextFile, IEnumerable<string>> rule, string path, string text) =>
        Assert.Empty(rule(new TextFile(path, text)));
}
