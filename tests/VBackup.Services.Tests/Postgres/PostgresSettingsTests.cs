using VBackup.Platform.Databases;
using VBackup.Services.Tests.World;
using VBackup.Snapshots;
using Xunit;

namespace VBackup.Services.Tests.Postgres;

/// <summary>Where a database of PostgreSQL may be, and how it is reached.</summary>
public sealed class PostgresSettingsTests
{
    static readonly PostgresSettings s_good = new() { Host = "127.0.0.1", Database = "vbackup", Schema = "portal", User = "portal" };

    [Theory]
    [InlineData("127.0.0.1", null)]
    [InlineData("::1", null)]
    [InlineData("localhost", null)]
    [InlineData("localhost", true)]
    [InlineData("/run/postgresql", null)]
    [InlineData("db.example.org", null)]
    [InlineData("10.0.0.7", true)]
    public void A_server_is_on_this_machine_or_shows_a_certificate(string host, bool? tls) =>
        Assert.Empty((s_good with { Host = host, Tls = tls }).Faults("Database"));

    [Theory]
    [InlineData("db.example.org")]
    [InlineData("10.0.0.7")]
    [InlineData("0.0.0.0")]
    [InlineData("localhost.example.org")]
    public void Nothing_goes_to_another_machine_without_TLS(string host)
    {
        var fault = Assert.Single((s_good with { Host = host, Tls = false }).Faults("Portal:Database"));
        Assert.Equal("Portal:Database:Tls: is false; without TLS the server is on this machine only (localhost, 127.0.0.1, ::1, a socket): "
            + $"to {host} it is true", fault);
    }

    [Theory]
    [InlineData("a.example.org,b.example.org")]
    [InlineData("db.example.org;Password=x")]
    [InlineData("db.example.org:5432")]
    [InlineData("")]
    public void A_host_is_one_name_and_nothing_beside(string host) =>
        Assert.StartsWith("Database:Host: ", Assert.Single((s_good with { Host = host }).Faults("Database")), StringComparison.Ordinal);

    [Fact]
    public void Each_fault_names_its_setting()
    {
        var wrong = new PostgresSettings { Host = "localhost", Port = 0, Database = "a b", Schema = "pg_temp",
            PasswordFile = "/nowhere/at-all", CaFile = "/nowhere/else", ConnectionsMax = 1 };
        Assert.Equal(["Port", "Database", "User", "Schema", "PasswordFile", "CaFile", "CaFile", "ConnectionsMax"],
            wrong.Faults("Database").Select(fault => fault.Split(':')[1]));
    }

    [Fact]
    public async Task A_server_whose_certificate_is_of_another_name_or_authority_hears_nothing()
    {
        PostgresSchemas.Skip();
        var lab = PostgresSchemas.Settings("nowhere") with { Tls = true,
            CaFile = Environment.GetEnvironmentVariable("VBACKUP_TEST_POSTGRES_CERTIFICATE") };
        // The certificate is of the name alone.
        await ExpectAsync<OtherSchemaException>(lab with { Host = "localhost" }, "has no tables yet");
        await ExpectAsync<DatabaseFailedException>(lab, "certificate");
        await ExpectAsync<DatabaseFailedException>(lab with { Host = "localhost", CaFile = null }, "certificate");
    }

    static async Task ExpectAsync<TException>(PostgresSettings settings, string words) where TException : Exception
    {
        await using var database = new PostgresDatabase<SnapshotsDb>(settings, options => new(options));
        var refused = await Assert.ThrowsAsync<TException>(() => database.PrepareAsync(1, default));
        Assert.Contains(words, refused.ToString(), StringComparison.OrdinalIgnoreCase);
    }
}
