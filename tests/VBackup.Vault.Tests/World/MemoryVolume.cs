using VBackup.Clouds.Volumes;
using VBackup.Primitives;

namespace VBackup.Vault.Tests.World;

/// <summary>A volume in memory. Knows its holes by 4 KiB blocks of zeros.</summary>
internal sealed class MemoryVolume(byte[] content, bool isAllZero = false) : IVolumeReader, IVolumeWriter
{
    private const int Block = 4096;

    public byte[] Content => content;
    public string Description => "memory";
    public long LengthBytes => content.Length;
    public bool IsAllZero => isAllZero;
    public long ReadBytes { get; private set; }
    public long WrittenBytes { get; private set; }

    public static MemoryVolume Blank(long length) => new(new byte[length], isAllZero: true);

    public IEnumerable<Extent> AllocatedExtents(long from = 0)
    {
        for (var at = from / Block * Block; at < content.Length; at += Block)
        {
            var length = Math.Min(Block, content.Length - at);
            if (content.AsSpan((int)at, (int)length).ContainsAnyExcept((byte)0)) yield return new(at, length);
        }
    }

    public ValueTask ReadAsync(long offset, Memory<byte> buffer, CancellationToken cancellation)
    {
        content.AsSpan((int)offset, buffer.Length).CopyTo(buffer.Span);
        ReadBytes += buffer.Length;
        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(long offset, ReadOnlyMemory<byte> piece, CancellationToken cancellation)
    {
        piece.Span.CopyTo(content.AsSpan((int)offset));
        WrittenBytes += piece.Length;
        return ValueTask.CompletedTask;
    }

    public ValueTask ZeroAsync(Extent range, CancellationToken cancellation)
    {
        content.AsSpan((int)range.Offset, (int)range.Length).Clear();
        return ValueTask.CompletedTask;
    }

    public ValueTask FlushAsync(CancellationToken cancellation) => ValueTask.CompletedTask;
    public Task<bool> IsShutOutAsync(CancellationToken cancellation) => Task.FromResult(false);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
