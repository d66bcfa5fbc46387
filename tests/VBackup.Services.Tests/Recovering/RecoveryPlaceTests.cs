using VBackup.Cli.Recovering;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Edge.Running;
using Xunit;

namespace VBackup.Services.Tests.Recovering;

public sealed class RecoveryPlaceTests : IDisposable
{
    static readonly ProjectId s_project = new(new("00000001-0000-7000-8000-000000000000"));
    readonly string _folder = Directory.CreateTempSubdirectory("vbackup-place-").FullName;

    [Fact]
    public async Task Projects_are_found_by_their_vaults_and_what_else_lies_there_is_passed_over()
    {
        string[] names = [$"{s_project}/vault", "no-project/vault", "00000002-0000-7000-8000-000000000000/points/a", "a/b/vault"];
        foreach (var name in names)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_folder, name))!);
            await File.WriteAllTextAsync(Path.Combine(_folder, name), "");
        }
        var place = RecoveryPlace.Of(_folder + "/", 1);
        Assert.Equal([s_project], await place.FindProjectsAsync(default));
        Assert.Equal((LocationKindView.FileSystem, $"{_folder}/{s_project}"), (place.Kind, place.VaultAddress(s_project)));
        Assert.Null(place.AccessKey);
        var vault = RecoveryPlace.Of(Path.Combine(_folder, s_project.ToString()), 1);
        var refused = await Assert.ThrowsAsync<RefusedException>(() => vault.FindProjectsAsync(default));
        Assert.Contains("is one vault", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_opens_S3_comes_from_the_environment_for_each_by_its_number()
    {
        // A number that nobody else has.
        Environment.SetEnvironmentVariable("AWS_ACCESS_KEY_ID_97", "key of the 97th");
        Environment.SetEnvironmentVariable("AWS_ENDPOINT_URL_S3_97", "http://127.0.0.1:9");
        var place = RecoveryPlace.Of("s3://bucket/prefix/", 97);
        Assert.Equal((LocationKindView.VStorage, $"s3://bucket/prefix/{s_project}"), (place.Kind, place.VaultAddress(s_project)));
        Assert.Equal(("key of the 97th", "http://127.0.0.1:9"), (place.AccessKey, place.Endpoint));
        Assert.NotEqual("key of the 97th", RecoveryPlace.Of("s3://bucket/prefix", 98).AccessKey);
    }

    [Fact]
    public void What_is_kept_of_S3_is_what_it_is_read_by()
    {
        Environment.SetEnvironmentVariable("AWS_ENDPOINT_URL_S3_96", "");
        Environment.SetEnvironmentVariable("AWS_ENDPOINT_URL_96", "http://127.0.0.1:9");
        Environment.SetEnvironmentVariable("AWS_REGION_96", "");
        Environment.SetEnvironmentVariable("AWS_DEFAULT_REGION_96", "eu-west-1");
        var place = RecoveryPlace.Of("s3://bucket/prefix", 96);
        Assert.Equal(("http://127.0.0.1:9", "eu-west-1"), (place.Endpoint, place.S3Region));
        var folder = RecoveryPlace.Of(_folder, 96);
        Assert.Equal((null, null), (folder.Endpoint, folder.S3Region));
    }

    [Fact]
    public void Credentials_that_end_by_themselves_are_refused_for_a_bucket_only()
    {
        Environment.SetEnvironmentVariable("AWS_SESSION_TOKEN_95", "hush");
        RecoveryPlace.Of(_folder, 95);
        var refused = Assert.Throws<RefusedException>(() => RecoveryPlace.Of("s3://bucket/prefix", 95));
        Assert.Contains("AWS_SESSION_TOKEN is set", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_location_is_refused() => Assert.Throws<RefusedException>(() => RecoveryPlace.Of("https://bucket", 1));

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
