using Microsoft.Win32.SafeHandles;

namespace VBackup.Vault.Stores;

/// <summary>Writes straight from the caller's buffer to the unfinished file; an append allocates nothing.</summary>
sealed class FileSystemWriter(
    FileSystemStore store, FileSystemStore.RootUse rootUse, string name, string path, SafeFileHandle file) : IObjectWriter
{
    bool committed, broken, disposed;

    public long Length { get; private set; }

    public ValueTask AppendAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellation);
        if (committed || broken)
            return ValueTask.FromException(new InvalidOperationException("The writer is committed or has failed."));
        try
        {
            // Length moves only afterwards: an append that failed halfway is written over by the next.
            Posix.Write(file, piece.Span, Length);
            Length += piece.Length;
            return ValueTask.CompletedTask;
        }
        catch (PosixException e)
        {
            var failure = FileSystemFailure.Of(StoreOperation.Append.Verb(), name, e);
            broken = failure.Failure != StoreFailure.Transient;
            return ValueTask.FromException(failure);
        }
    }

    public async ValueTask CommitAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        if (committed)
            return;
        if (broken)
            throw new InvalidOperationException("The writer has failed.");
        // Whatever fails from here on, fsync above all, leaves a file that nobody may trust.
        broken = true;
        try
        {
            await Task.Run(Commit, CancellationToken.None).ConfigureAwait(false);
        }
        catch (PosixException e)
        {
            var failure = FileSystemFailure.Of(StoreOperation.Commit.Verb(), name, e);
            // Not transient, whatever it was: see above.
            throw failure.Failure == StoreFailure.Transient
                ? StoreOperation.Commit.Failed(StoreFailure.Other, name, failure.Reason, e)
                : failure;
        }
        (committed, broken) = (true, false);
    }

    void Commit()
    {
        Posix.Sync(file);
        if (Posix.Status(file) is var status && status.LengthBytes != Length)
        {
            throw StoreOperation.Commit.Failed(StoreFailure.Mismatch, name,
                $"its file has {status.LengthBytes} bytes, written were {Length}");
        }
        if (Posix.Status(path) is null)
        {
            throw StoreOperation.Commit.Failed(
                StoreFailure.NotFound, name, "somebody discarded it before it was committed");
        }
        store.MoveInto(path, name);
    }

    public ValueTask DisposeAsync()
    {
        if (disposed)
            return ValueTask.CompletedTask;
        disposed = true;
        file.Dispose();
        if (!committed)
            FileSystemStore.TryRemove(path);
        rootUse.Dispose();
        return ValueTask.CompletedTask;
    }
}
