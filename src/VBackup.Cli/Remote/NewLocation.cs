using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Contracts.Limits;

namespace VBackup.Cli.Remote;

/// <summary><c>vbackup location create</c></summary>
static class NewLocation
{
    static readonly Argument<string> s_name = new("NAME") { Description = "What plans call it." };
    static readonly Option<string> s_region = new("--region")
        { HelpName = "REGION", Required = true, Description = "The region whose workers reach it." };
    static readonly Option<string> s_kind = new("--kind") { HelpName = "KIND", Required = true,
        Description = "'vStorage' (S3), or 'filesystem'." };
    static readonly Option<string> s_address =
        new("--address") { HelpName = "ADDRESS", Required = true, Description = "s3://bucket/prefix, or a folder that the workers have." };
    static readonly Option<string> s_endpoint = new("--endpoint") { HelpName = "URL", Description = "Of an S3 other than Amazon's." };
    static readonly Option<string> s_s3Region = new("--s3-region") { HelpName = "NAME", Description = "What the S3 calls its region." };
    static readonly Option<string> s_quota = new("--quota")
        { HelpName = "SIZE", Description = "How much it may hold, such as 500GiB; no limit, if not said." };
    static readonly Option<int?> s_binDays =
        new("--bin-days") { HelpName = "N", Description = "How long deleted points stay in the bin; none do, if not said." };
    static readonly Option<bool> s_default = new("--default") { Description = "Plans that name no location take this one." };

    public static Command Define() => PortalCall.Define("create", "Make a location; whether it can be used is found out then.", HandleAsync,
        s_name, s_region, s_kind, s_address, s_endpoint, s_s3Region, LocationCredentials.AccessKeyFile,
        LocationCredentials.SecretKeyFile, s_quota, s_binDays, s_default);

    static async Task HandleAsync(PortalCall call)
    {
        var kind = ReadKind(call.Parsed.GetRequiredValue(s_kind));
        var isS3 = kind == "vStorage";
        if (!isS3 && (call.Get(LocationCredentials.AccessKeyFile) ?? call.Get(LocationCredentials.SecretKeyFile) ?? call.Get(s_endpoint)
            ?? call.Get(s_s3Region)) is not null)
            throw new UsageException("a folder has no endpoint, S3 region or keys: they go with --kind vStorage");
        // What is wrongly written may be a password, which is not sent.
        Require("--address", isS3 ? StoreEndpoints.AddressFormFaultOf(call.Parsed.GetRequiredValue(s_address)) : null);
        Require("--endpoint", call.Get(s_endpoint) is { } endpoint ? StoreEndpoints.FormFaultOf(endpoint) : null);
        Require("--s3-region", call.Get(s_s3Region) is { } s3Region ? StoreEndpoints.RegionFaultOf(s3Region) : null);
        var keys = isS3 ? await LocationCredentials.ReadAsync(call).ConfigureAwait(false) : null;
        var body = new LocationBody(call.Get(s_name), call.Parsed.GetRequiredValue(s_region), kind, call.Parsed.GetRequiredValue(s_address),
            call.Get(s_endpoint), call.Get(s_s3Region), keys?.AccessKey, keys?.SecretKey, ReadQuota(call.Get(s_quota)), call.Get(s_binDays),
                call.Get(s_default));
        var made = await call.Portal.CreateAsync("locations", body, RemoteJson.Default.LocationBody, RemoteJson.Default.LocationView,
            call.Stop).ConfigureAwait(false);
        call.Screen.Event("completed", made.Json);
        call.Screen.Line($"made location '{made.Value.Name}' at {made.Value.Address}, state {made.Value.State}; "
            + "'vbackup location list' shows when it can be used");
    }

    static void Require(string option, string? fault)
    {
        if (fault is not null) throw new UsageException($"{option}: {fault}");
    }

    static string ReadKind(string text) => text.ToLowerInvariant() switch
    {
        "vstorage" => "vStorage",
        "filesystem" => "filesystem",
        _ => throw new UsageException($"--kind {text}: there are vStorage and filesystem"),
    };

    static long? ReadQuota(string? text) => text is null ? null : Units.TryParseSize(text, out var bytes) && bytes > 0 ? bytes
        : throw new UsageException($"--quota {text} is not a size: give one such as 500GiB");
}
