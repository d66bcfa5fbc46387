using System.Diagnostics;
using System.Globalization;
using VBackup.Platform.Messaging.RabbitMq;
using Xunit;

namespace VBackup.Services.Tests.Engines;

/// <summary>The broker that <c>lab/rabbitmq</c> runs, which tests have one after the other: they stop it, and change what it may
/// use.</summary>
static class RabbitLab
{
    static readonly string? s_lab = Variable("LAB");
    static readonly string s_script = InRepository("lab/rabbitmq");

    /// <summary>Without the lab the test is skipped.</summary>
    public static RabbitMqSettings Settings()
    {
        Assert.SkipWhen(string.IsNullOrEmpty(s_lab), "needs the lab's RabbitMQ: run ./test.sh");
        return new() { Host = "127.0.0.1", Port = Number("PORT"), User = Variable("USER")!, PasswordFile = Variable("PASSWORD_FILE")! };
    }

    public static RabbitMqSettings TlsSettings() =>
        Settings() with { Host = "localhost", Port = Number("TLS_PORT"), Tls = true, CaFile = Variable("CA_FILE") };

    public static Task StopAsync() => RunAsync("stop", s_lab!);

    public static Task StartAsync() => RunAsync("start", s_lab!);

    /// <summary>What it may not have is less than any disk has free.</summary>
    public static Task SetLowOnDiskAsync(bool isLow) => RunAsync("ctl", s_lab!, "set_disk_free_limit", isLow ? "900000GB" : "50MB");

    static async Task RunAsync(params string[] arguments)
    {
        using var script = Process.Start(new ProcessStartInfo(s_script, arguments)
        { RedirectStandardOutput = true, RedirectStandardError = true })
            ?? throw new InvalidOperationException("lab/rabbitmq did not start");
        var said = script.StandardError.ReadToEndAsync();
        await script.StandardOutput.ReadToEndAsync();
        await script.WaitForExitAsync();
        Assert.True(script.ExitCode == 0, $"lab/rabbitmq {string.Join(' ', arguments)}: {await said}");
    }

    static int Number(string name) => int.Parse(Variable(name)!, CultureInfo.InvariantCulture);

    static string? Variable(string name) => Environment.GetEnvironmentVariable($"VBACKUP_TEST_RABBITMQ_{name}");

    static string InRepository(string path)
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
            if (File.Exists(Path.Combine(folder, "vBackup.slnx"))) return Path.Combine(folder, path);
        throw new InvalidOperationException("the tests run outside of a checkout");
    }
}
