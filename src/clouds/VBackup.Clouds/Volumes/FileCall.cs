namespace VBackup.Clouds.Volumes;

/// <summary>A call to a cloud whose volumes are files: turns what the file system says into what a cloud says.</summary>
internal readonly record struct FileCall(string Operation, string Subject, CancellationToken Cancellation)
{
    public async Task<T> RunAsync<T>(Func<Task<T>> call)
    {
        Cancellation.ThrowIfCancellationRequested();
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is UnauthorizedAccessException or (IOException and not CloudException))
        {
            throw new CloudException(KindOf(failure), Operation, Subject, failure.Message, failure);
        }
    }

    public Task RunAsync(Func<Task> call) => RunAsync(async () =>
    {
        await call().ConfigureAwait(false);
        return true;
    });

    private static CloudFailure KindOf(Exception failure) => failure switch
    {
        UnauthorizedAccessException => CloudFailure.NotAllowed,
        FileNotFoundException or DirectoryNotFoundException => CloudFailure.NotFound,
        // .NET gives the error's number of the system as the result's code.
        { HResult: NativeFile.NoSpace } => CloudFailure.Full,
        _ => CloudFailure.Other,
    };
}
