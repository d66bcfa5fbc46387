using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Stores;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Damage;

/// <summary>Whoever may write to the store, and has no key, can put long objects there. They must not fill the memory.</summary>
public sealed class LongObjectTests
{
    private const int ObjectLength = 3 << 20;
    private const int ForgedOfEach = 6;

    [Fact]
    public async Task Long_objects_that_are_none_of_ours_are_read_one_at_a_time()
    {
        var content = Contents.Mixed(1, 200_000);
        var store = new LongReads(new MemoryStore());
        await using var vault = TestVault.Over(store, with: runtime => SampleVault.Small(runtime) with { ReadsInFlight = 8 });
        var point = await vault.BackUpAsync(content);
        var random = new Random(2);
        List<string> forged = [];
        for (var i = 0; i < ForgedOfEach; i++)
        {
            forged.Add(ObjectNames.Point(PointId.New(random.NextBytes)));
            forged.Add(ObjectNames.Index(ObjectId.New(random.NextBytes)));
        }
        var bytes = new byte[ObjectLength];
        new ObjectTrailer(ObjectLength - ObjectTrailer.Size, 100)
            .Write(bytes.AsSpan(ObjectLength - ObjectTrailer.Size), ObjectTrailer.IndexMagic);
        foreach (var name in forged) await store.PutAsync(name, bytes, default);

        var result = await SampleVault.VerifyAsync(vault);

        Assert.Equal(forged.Order(StringComparer.Ordinal), result.Damages.Select(damage =>
            damage.ObjectName).Order(StringComparer.Ordinal));
        Assert.Equal(1, store.MostOf(ObjectNames.Points));
        Assert.Equal(1, store.MostOf(ObjectNames.Indexes));
        Contents.AssertSame(content, await vault.RestoreAsync(point));
    }

    /// <summary>Knows how many long reads were under way at once at most. Each gives way to others, so that they would overlap.</summary>
    private sealed class LongReads(IObjectStore inner) : DecoratingStore(inner)
    {
        private const int Turns = 50;
        private readonly Dictionary<string, (int Now, int Most)> _reads = [];

        public int MostOf(string prefix) => _reads[prefix].Most;

        protected override Task<T> AroundAsync<T>(
            StoreOperation operation, string name, long sentBytes, Func<CancellationToken, Task<T>> run, CancellationToken cancellation) =>
            run(cancellation);

        public override Task<byte[]> GetAsync(string name, int lengthMax, CancellationToken cancellation) =>
            CountedAsync(name, lengthMax, () => base.GetAsync(name, lengthMax, cancellation));

        public override async ValueTask<(int Read, long ObjectLength)> ReadTailAsync(
            string name, Memory<byte> buffer, CancellationToken cancellation) =>
            await CountedAsync(name, buffer.Length, () => base.ReadTailAsync(name, buffer, cancellation).AsTask());

        private async Task<T> CountedAsync<T>(string name, int lengthMax, Func<Task<T>> read)
        {
            if (lengthMax < ObjectLength) return await read();
            var prefix = name[..(name.IndexOf('/', StringComparison.Ordinal) + 1)];
            Add(prefix, 1);
            for (var i = 0; i < Turns; i++) await Task.Yield();
            try
            {
                return await read();
            }
            finally
            {
                Add(prefix, -1);
            }
        }

        private void Add(string prefix, int one)
        {
            lock (_reads)
            {
                var (now, most) = _reads.GetValueOrDefault(prefix);
                _reads[prefix] = (now + one, Math.Max(most, now + one));
            }
        }
    }
}
