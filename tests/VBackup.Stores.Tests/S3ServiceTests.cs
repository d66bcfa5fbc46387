using Xunit;

namespace VBackup.Vault.Stores.Tests;

/// <summary>What a real S3 service answers to what goes wrong.</summary>
public sealed class S3ServiceTests(S3Lab lab) : IClassFixture<S3Lab>
{
    static readonly CancellationToken Token = TestContext.Current.CancellationToken;

    static S3Store Open(S3Settings settings) =>
        new(settings, new RetryPolicy(RetryLimits.Brief, TimeProvider.System, seed: 1));

    static Dictionary<string, Func<IObjectStore, Task>> Operations => new()
    {
        ["put"] = s => s.PutAsync("a", new byte[1], Token),
        ["create"] = s => s.CreateOnceAsync("a", new byte[1], Token),
        ["commit"] = async s =>
        {
            await using var writer = await s.OpenWriterAsync("a", Token);
            await writer.CommitAsync(Token);
        },
        ["write"] = async s =>
        {
            await using var writer = await s.OpenWriterAsync("a", Token);
            await writer.AppendAsync(new byte[9 << 20], Token);
        },
        ["read"] = s => s.ReadAsync("a", 0, new byte[1], Token).AsTask(),
        ["look for"] = s => s.ExistsAsync("a", Token),
        ["delete"] = s => s.DeleteAsync("a", Token),
        ["list"] = async s => { await foreach (var _ in s.ListAsync("", Token)) { } },
        ["list unfinished"] = async s => { await foreach (var _ in s.ListUnfinishedAsync(Token)) { } },
    };

    public static TheoryData<string> OperationNames() => [.. Operations.Keys];

    static async Task<StoreException> FailureOf(string operation, S3Settings settings)
    {
        await using var store = Open(settings);
        var failure = await Assert.ThrowsAsync<StoreException>(() => Operations[operation](store));
        Assert.Equal(operation, failure.Operation);
        Assert.DoesNotContain('\n', failure.Message);
        Assert.DoesNotContain(settings.AccessKeyId, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(settings.SecretAccessKey, failure.Message, StringComparison.Ordinal);
        return failure;
    }

    [Theory]
    [MemberData(nameof(OperationNames))]
    public async Task An_unknown_key_is_refused(string operation)
    {
        var good = await lab.NewPrefixAsync();
        var failure = await FailureOf(operation, S3Lab.Settings(good.Bucket, good.Prefix, accessKey: "NOSUCHKEYATALL"));
        Assert.Equal(StoreFailure.Refused, failure.Failure);
        Assert.NotEmpty(failure.Reason);
    }

    [Theory]
    [MemberData(nameof(OperationNames))]
    public async Task A_wrong_secret_is_refused(string operation)
    {
        var good = await lab.NewPrefixAsync();
        var failure = await FailureOf(operation, S3Lab.Settings(good.Bucket, good.Prefix, secret: "WRONGSECRET"));
        Assert.Equal(StoreFailure.Refused, failure.Failure);
        Assert.NotEmpty(failure.Reason);
    }

    [Theory]
    [MemberData(nameof(OperationNames))]
    public async Task A_missing_bucket_is_named_with_what_to_do(string operation)
    {
        var good = await lab.NewPrefixAsync();
        var failure = await FailureOf(operation, S3Lab.Settings(good.Bucket + "-not", ""));
        Assert.Equal(StoreFailure.Other, failure.Failure);
        Assert.Equal($"bucket {good.Bucket}-not does not exist: create it", failure.Reason);
    }

    [Fact]
    public async Task A_whole_bucket_can_be_a_store_and_what_is_not_an_object_is_passed_over()
    {
        var settings = await lab.NewPrefixAsync();
        await using var inside = Open(settings);
        await inside.PutAsync("points/p", new byte[3], Token);
        await using var whole = Open(S3Lab.Settings(settings.Bucket, ""));
        Assert.Equal(3, (await whole.GetAsync($"{settings.Prefix}/points/p", 10, Token)).Length);
        Assert.True(await whole.ExistsAsync($"{settings.Prefix}/points/p", Token));
    }
}
