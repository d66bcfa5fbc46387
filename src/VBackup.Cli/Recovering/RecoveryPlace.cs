using VBackup.Contracts.Ids;
using VBackup.Contracts.Messages;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Recovering;

/// <summary>A location that was given by its address, with what opens it from the environment.</summary>
/// <param name="Number">Which of those that were given, from 1.</param>
sealed record RecoveryPlace(string Address, int Number)
{
    const string S3Scheme = "s3://";

    /// <exception cref="RefusedException">It is not how a location is written.</exception>
    public static RecoveryPlace Of(string text, int number)
    {
        var address = text.Length > 1 ? text.TrimEnd('/') : text;
        if (text.StartsWith(S3Scheme, StringComparison.Ordinal)) return OfS3(new(address, number));
        return text.Contains("://", StringComparison.Ordinal)
            ? throw new RefusedException($"--location {text}: a location is a folder or s3://bucket/prefix")
            : new(Path.GetFullPath(address), number);
    }

    // The new system would read with it for some hours, and then no more.
    static RecoveryPlace OfS3(RecoveryPlace place) => place.Said.SessionToken is null ? place
        : throw new RefusedException($"--location {place.Address}: {S3Variables.SessionTokenName} is set, and credentials with one end "
            + "by themselves: give keys that last, which the new system keeps, and unset it");

    public LocationKindView Kind => IsS3 ? LocationKindView.VStorage : LocationKindView.FileSystem;
    public string? Endpoint => IsS3 ? Said.Endpoint : null;
    public string? S3Region => IsS3 ? Said.Region : null;
    public string? AccessKey => IsS3 ? Said.AccessKeyId : null;
    public string? SecretKey => IsS3 ? Said.SecretAccessKey : null;
    S3Variables Said => new(Variable);
    bool IsS3 => Address.StartsWith(S3Scheme, StringComparison.Ordinal);

    /// <summary>The second location may have variables of its own, such as <c>AWS_ACCESS_KEY_ID_2</c>, and so on.</summary>
    string? Variable(string name) => Environment.GetEnvironmentVariable($"{name}_{Number}") ?? Environment.GetEnvironmentVariable(name);

    public string VaultAddress(ProjectId project) => $"{Address}/{project}";

    public IObjectStore OpenVault(ProjectId project) => Open(VaultAddress(project));

    /// <summary>Projects that have a vault there.</summary>
    /// <exception cref="RefusedException">It is a vault itself.</exception>
    public async Task<IReadOnlyList<ProjectId>> FindProjectsAsync(CancellationToken cancellation)
    {
        var store = Open(Address);
        await using var closing = store.ConfigureAwait(false);
        List<ProjectId> projects = [];
        await foreach (var entry in store.ListAsync("", cancellation).ConfigureAwait(false))
        {
            if (entry.Name == ObjectNames.Header)
                throw new RefusedException($"--location {Address} is one vault: give the location that it lies in, which has one for each "
                    + "project");
            if (entry.Name.Split('/') is [var name, ObjectNames.Header] && Guid.TryParseExact(name, "D", out var id)
                && name == id.ToString())
                projects.Add(ProjectId.From(id));
        }
        return projects;
    }

    IObjectStore Open(string address) => StoreLocation.Open(address, new() { Variable = Variable });
}
