using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Compression;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Indexing;
using VBackup.Vault.Spooling;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Fuzzing;

/// <summary>
/// Every decoder, as <see cref="Fuzzer"/> feeds it. Behind a seal, the plaintext is mutated and sealed properly, so that whoever
/// has the key can do no harm either.
/// </summary>
public sealed class DecoderFuzzTests : IDisposable
{
    private readonly VaultKeys _keys = new([.. Enumerable.Range(1, 32).Select(i => (byte)i)], new(42));
    private readonly ObjectId _id = new(Bytes32.Read([.. Enumerable.Range(100, 32).Select(i => (byte)i)]));

    public void Dispose() => _keys.Dispose();

    [Fact]
    public Task The_vaults_header() => FuzzAsync(
        new VaultHeader(new(42), 4096, TestVault.Epoch).Encode(_keys),
        bytes =>
        {
            VaultHeader.Decode(bytes);
            VaultHeader.Verify(bytes, _keys);
        }, refusals: [typeof(DamageException), typeof(UnusableVaultException)]);

    [Fact]
    public async Task A_key_slot()
    {
        var name = ObjectNames.Keys + new string('a', 32);
        var slot = KeySlot.Wrap(KeyKind.KeyFile, new byte[32], new byte[16], new byte[32], TestVault.Epoch).Encode();
        await FuzzAsync(slot, bytes => KeySlot.Decode(name, bytes), Mutation.OfJson,
            [typeof(DamageException), typeof(UnusableVaultException)]);
    }

    [Fact]
    public async Task A_passphrases_key_slot()
    {
        var name = ObjectNames.Keys + "passphrase-" + new string('a', 32);
        var slot = KeySlot.WrapWithPassphrase("x"u8, new byte[16], new byte[32], TestVault.Epoch, new(64, 1, 1)).Encode();
        await FuzzAsync(slot, bytes => KeySlot.Decode(name, bytes), Mutation.OfJson,
            [typeof(DamageException), typeof(UnusableVaultException)]);
    }

    [Fact]
    public Task A_keys_line() => FuzzAsync(Encoding.UTF8.GetBytes(KeyText.Print(new byte[32])),
        bytes => KeyText.Parse(Encoding.UTF8.GetString(bytes), new byte[32]), refusals: [typeof(KeyTextException)]);

    [Fact]
    public async Task An_objects_header()
    {
        var valid = new byte[ObjectHeader.Size];
        ObjectHeader.Write(valid, ObjectKind.Point, _id);
        await FuzzAsync(valid, bytes => ObjectHeader.Read(bytes, ObjectKind.Point, "points/x"));
    }

    [Fact]
    public async Task A_packs_end()
    {
        using var cipher = new ObjectCipher(_keys, ObjectKind.Pack, _id);
        var valid = Footer(cipher, out var packLength);
        await FuzzAsync(valid, bytes => PackFooter.Decode(cipher, bytes, packLength));
        AssertRefused(() => PackFooter.Decode(cipher, valid, valid.Length));
        AssertRefused(() => PackFooter.Decode(cipher, valid, packLength + 1));
        AssertRefused(() => PackFooter.Decode(cipher, valid, packLength - 1));
    }

    [Fact]
    public async Task A_packs_end_that_was_sealed_properly()
    {
        using var cipher = new ObjectCipher(_keys, ObjectKind.Pack, _id);
        var valid = Footer(cipher, out var packLength);
        await FuzzAsync(PlaintextOf(cipher, valid), plaintext =>
        {
            var tail = SealEnd(cipher, plaintext, plaintext.Length / PackEntry.Size, ObjectTrailer.PackMagic);
            var entries = PackFooter.Decode(cipher, tail, packLength);
            // What it lets through, readers rely on: side by side, from the header to the footer.
            long expected = ObjectHeader.Size;
            foreach (var entry in entries)
            {
                Assert.Equal(expected, entry.Offset);
                expected += entry.Length;
            }
        });
    }

    [Fact]
    public async Task A_manifest_node()
    {
        var node = new ManifestNode();
        var random = new Random(3);
        node.Reset(1);
        for (var child = 0; child < 256; child += random.Next(1, 9))
            node.Set(child, new(new(Random32(random)),
                new(new(Random32(random)), (uint)random.Next(40, 10_000), (uint)random.Next(24, 5000))));
        var buffer = new byte[ManifestNode.EncodedSizeMax];
        var valid = buffer[..node.Encode(buffer)];
        var reused = new ManifestNode();
        await FuzzAsync(valid, bytes =>
        {
            if (!reused.TryDecode(bytes, 1)) return;
            for (var child = 0; child < 256; child++)
                if (reused.Has(child)) Assert.True(reused[child].Location.IsPlausible);
            reused.ComputeId(_keys);
            reused.Encode(buffer);
        }, refusals: []);
    }

    [Fact]
    public async Task An_index_objects_end()
    {
        var valid = IndexTail(out var length);
        using var cipher = new ObjectCipher(_keys, ObjectKind.Index, _id);
        await FuzzAsync(valid, bytes => IndexCodec.DecodeFooter(cipher, bytes, length));
    }

    [Fact]
    public async Task An_index_objects_end_that_was_sealed_properly()
    {
        using var cipher = new ObjectCipher(_keys, ObjectKind.Index, _id);
        var valid = IndexTail(out var length);
        var random = new Random(9);
        await FuzzAsync(PlaintextOf(cipher, valid), plaintext =>
        {
            var count = random.Next(4) == 0 ? random.Next(-2, 5) : 2;
            var footer = IndexCodec.DecodeFooter(cipher, SealEnd(cipher, plaintext, count, ObjectTrailer.IndexMagic), length);
            for (var block = 0; block < footer.Fences.Length; block++)
                Assert.InRange(footer.EntriesIn(block), 1, FormatLimits.IndexBlockEntries);
        });
    }

    [Fact]
    public void An_objects_trailer_whose_numbers_are_at_the_edges()
    {
        using var index = new ObjectCipher(_keys, ObjectKind.Index, _id);
        using var pack = new ObjectCipher(_keys, ObjectKind.Pack, _id);
        foreach (var footerLength in (int[])[int.MinValue, -1, 0, 15, 16, 31, 32, int.MaxValue - 31, int.MaxValue - 15, int.MaxValue])
            foreach (var count in (int[])[int.MinValue, -1, 0, 1, 8192, 8193, int.MaxValue])
            {
                var tail = new byte[100];
                new ObjectTrailer(footerLength, count).Write(tail.AsSpan(84), ObjectTrailer.IndexMagic);
                AssertRefused(() => IndexCodec.DecodeFooter(index, tail, 1000));
                new ObjectTrailer(footerLength, count).Write(tail.AsSpan(84), ObjectTrailer.PackMagic);
                AssertRefused(() => PackFooter.Decode(pack, tail, 1000));
            }
    }

    [Fact]
    public async Task A_block_of_an_index_object()
    {
        using var cipher = new ObjectCipher(_keys, ObjectKind.Index, _id);
        var entries = Enumerable.Range(0, 100).Select(i => new IndexEntry(new(Random32(new Random(i))), 0, 40, 30)).ToArray();
        var valid = new byte[IndexCodec.BlockSize(entries.Length)];
        IndexCodec.EncodeBlock(cipher, 0, entries, valid);
        await FuzzAsync(valid, bytes => IndexCodec.OpenBlock(cipher, 0, bytes, new byte[Math.Max(0, bytes.Length - FormatLimits.TagSize)]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_blob(bool isCompressed)
    {
        using var cipher = new ObjectCipher(_keys, ObjectKind.Pack, _id);
        using var compressor = new ChunkCompressor();
        using var decompressor = new ChunkDecompressor();
        var content = Enumerable.Range(0, 4096).Select(i => (byte)(i / 7)).ToArray();
        if (!isCompressed) new Random(1).NextBytes(content);
        var id = _keys.ChunkId(content);
        var blob = new byte[Blob.SizeMax(content.Length)];
        var (length, shape) = Blob.Encode(cipher, 3, id, isNode: false, content, isCompressed ? compressor : null, blob);
        Assert.Equal(isCompressed, shape.IsCompressed);
        var scratch = new byte[Blob.SizeMax(4096)];
        var output = new byte[4096];
        await FuzzAsync(blob[..length], bytes =>
        {
            if (Blob.TryDecode(cipher, id, isNode: false, bytes, decompressor, scratch, output)) Assert.Equal(content, output);
            Blob.TryDecode(cipher, id, isNode: true, bytes, decompressor, scratch, output.AsSpan(0, 10));
            Blob.TryOpen(cipher, id, bytes, scratch, out _, out _);
        }, refusals: []);
    }

    [Fact]
    public async Task A_blobs_compressed_content_that_was_sealed_properly()
    {
        using var cipher = new ObjectCipher(_keys, ObjectKind.Pack, _id);
        using var compressor = new ChunkCompressor();
        using var decompressor = new ChunkDecompressor();
        var content = Enumerable.Range(0, 4096).Select(i => (byte)(i / 7)).ToArray();
        var id = _keys.ChunkId(content);
        var frame = new byte[4096];
        var frameLength = compressor.Compress(content, frame);
        var scratch = new byte[Blob.SizeMax(4096)];
        var blob = new byte[Blob.SizeMax(8192)];
        var guarded = new byte[4096 + 64];
        await FuzzAsync(frame[..frameLength], bytes =>
        {
            var length = Blob.Seal(cipher, 0, id, new(4096, isNode: false, isCompressed: true),
                bytes.AsSpan(0, Math.Min(bytes.Length, 4096)), blob);
            guarded.AsSpan(4096).Fill(0xA5);
            Blob.TryDecode(cipher, id, isNode: false, blob.AsSpan(0, length), decompressor, scratch, guarded.AsSpan(0, 4096));
            Assert.False(guarded.AsSpan(4096).ContainsAnyExcept((byte)0xA5), "wrote past the content");
        }, refusals: []);
    }

    [Fact]
    public async Task A_sealed_document()
    {
        var valid = SealedDocument.Seal(_keys, ObjectKind.Decision, "sessions/x.decision", "{\"points\":[]}"u8);
        await FuzzAsync(valid, bytes => SealedDocument.OpenJson(_keys, ObjectKind.Decision, "sessions/x.decision", bytes,
            DocumentJson.Default.DecisionDocument));
    }

    [Fact]
    public async Task The_documents_behind_their_seals()
    {
        var json = DocumentJson.Default;
        var place = new PlaceDocument { Id = new('a', 64), Pack = new('b', 64), Offset = 40, Length = 30 };
        var root = new RootDocument { Levels = 1, Root = place };
        await FuzzDocumentAsync(ObjectKind.Point, new PointDocument
        {
            Id = new('1', 32), Session = new('2', 32), CreatedAt = TestVault.Epoch, Name = "server", Type = PointType.Incremental,
                Base = new('3', 32),
            Metadata = JsonSerializer.SerializeToElement(new Dictionary<string, int> { ["memory"] = 4 },
                FuzzJson.Default.DictionaryStringInt32),
            Volumes = [new() { Name = "disk", LengthBytes = 4096, Levels = 1, Root = place, Type = PointType.Full, ReadBytes = 1,
                StoredBytes = 2 }],
        }, json.PointDocument);
        await FuzzDocumentAsync(ObjectKind.Session, new SessionDocument
        {
            Id = new('1', 32), Purpose = "backup", StartedAt = TestVault.Epoch, Host = "h", BootId = "b", ProcessId = 4, ProcessStart = 5,
            Bases = [new() { Point = new('2', 32), Roots = [root] }],
        }, json.SessionDocument);
        await FuzzDocumentAsync(ObjectKind.Decision, new DecisionDocument { Points = [new('1', 32)] }, json.DecisionDocument);
        await FuzzDocumentAsync(ObjectKind.SessionNote, new NoteDocument { Count = 3 }, json.NoteDocument);
        var volume = new VolumeDocument { Name = "disk", LengthBytes = 4096, Levels = 1, Root = place, Type = PointType.Full,
            ReadBytes = 1, StoredBytes = 2 };
        await FuzzDocumentAsync(ObjectKind.SpooledRun, new SealedRunDocument { Session = new('1', 32), Name = "server",
            Type = PointType.Full, Volumes = [volume] },
            SpoolJson.Default.SealedRunDocument);
        await FuzzDocumentAsync(ObjectKind.SpooledRun, new PointNoteDocument { Point = new('1', 32) }, SpoolJson.Default.PointNoteDocument);
    }

    [Fact]
    public Task A_condemnation() =>
        FuzzAsync(SealedDocument.Seal(_keys, ObjectKind.Condemned, "condemned/x/00000000", new byte[3 * Bytes32.Size]),
        bytes => Condemnations.Decode(_keys, "condemned/x/00000000", bytes));

    [Fact]
    public Task A_condemnation_that_was_sealed_properly()
    {
        const string name = "condemned/x/00000000";
        return FuzzAsync([.. Enumerable.Range(0, 3 * Bytes32.Size).Select(i => (byte)i)], content =>
        {
            var packs = Condemnations.Decode(_keys, name, SealedDocument.Seal(_keys, ObjectKind.Condemned, name, content));
            // Not a pack is left out, and none is made up: nobody else may count on those that it names.
            var named = new byte[packs.Length * Bytes32.Size];
            for (var i = 0; i < packs.Length; i++) packs[i].Value.Write(named.AsSpan(i * Bytes32.Size));
            Assert.Equal(content, named);
        });
    }

    [Fact]
    public Task A_spooled_packs_mark() => FuzzAsync(new PackMark(IsSent: true, Length: 100, Hash: 5).Encode(), bytes =>
        PackMark.Decode(bytes, "mark"));

    [Fact]
    public async Task Names_of_objects()
    {
        var session = SessionId.New(new Random(1).NextBytes);
        string[] valid =
        [
            ObjectNames.Pack(_id), ObjectNames.Index(_id), ObjectNames.Point(PointId.New(new Random(1).NextBytes)),
                ObjectNames.Session(session), ObjectNames.Decision(session),
            ObjectNames.Collector(session), ObjectNames.Condemnation(session, 7),
        ];
        foreach (var name in valid)
            await FuzzAsync(Encoding.UTF8.GetBytes(name), bytes =>
            {
                var text = Encoding.UTF8.GetString(bytes);
                // Whatever is taken for a name is that name and no other.
                if (ObjectNames.TryParsePack(text, out var pack)) Assert.Equal(text, ObjectNames.Pack(pack));
                if (ObjectNames.TryParseIndex(text, out var index)) Assert.Equal(text, ObjectNames.Index(index));
                if (ObjectNames.TryParsePoint(text, out var point)) Assert.Equal(text, ObjectNames.Point(point));
                if (ObjectNames.TryParseCollector(text, out var collector)) Assert.Equal(text, ObjectNames.Collector(collector));
                if (ObjectNames.TryParseSession(text, out var id, out var suffix)) Assert.Equal(text, ObjectNames.Session(id) + suffix);
                if (ObjectNames.TryParseCondemnation(text, out var by))
                    Assert.Equal(text, ObjectNames.Condemnation(by,
                        int.Parse(text[^8..], System.Globalization.CultureInfo.InvariantCulture)));
                if (KeySlot.TryParseName(text, out _)) Assert.StartsWith(ObjectNames.Keys, text, StringComparison.Ordinal);
            }, refusals: []);
    }

    [Fact]
    public async Task Extents_from_outside()
    {
        var random = new Random(4);
        long[] edges = [long.MinValue, -1, 0, 1, 4095, 4096, 1L << 40, long.MaxValue - 1, long.MaxValue];
        long Number() => random.Next(3) == 0 ? edges[random.Next(edges.Length)] : random.Next(0, 100_000);
        await FuzzAsync([0], _ =>
        {
            var ranges = Enumerable.Range(0, random.Next(6)).Select(_ => new Extent(Number(), Number())).ToArray();
            var length = Math.Max(0, Number());
            var extents = Extents.Checked(ranges, length);
            Assert.Equal(ranges.Length, extents.Ranges.Count);
            long end = 0;
            foreach (var range in extents.Ranges)
            {
                Assert.True(range.Offset >= end && range.Length > 0 && range.End > range.Offset && range.End <= length);
                end = range.End;
            }
        }, refusals: [typeof(FormatException)]);
    }

    private async Task FuzzDocumentAsync<T>(ObjectKind kind, T document, JsonTypeInfo<T> type) where T : class
    {
        const string name = "points/x";
        await FuzzAsync(JsonSerializer.SerializeToUtf8Bytes(document, type), content =>
        {
            var opened = SealedDocument.OpenJson(_keys, kind, name, SealedDocument.Seal(_keys, kind, name, content), type);
            // What was let through can be used: no list of it holds nothing, and no place is none.
            Use(opened, name);
        }, Mutation.OfJson);
    }

    private static void Use(object opened, string name)
    {
        switch (opened)
        {
            case PointDocument point:
                foreach (var volume in point.Volumes) volume.Root?.ToPlace(name);
                Assert.True(point.Id.Length + point.Session.Length + point.Name.Length >= 0);
                break;
            case SessionDocument session:
                foreach (var root in session.Bases.SelectMany(known => known.Roots)) root.Root.ToPlace(name);
                break;
            case DecisionDocument decision:
                foreach (var point in decision.Points) Assert.True(point.Length >= 0);
                break;
        }
    }

    private static Task FuzzAsync(
        byte[] valid, Action<byte[]> decode, Func<Random, byte[], byte[]>? mutate = null, Type[]? refusals = null) =>
        Fuzzer.RunAsync(valid, decode, mutate ?? Mutation.Of, refusals ?? [typeof(DamageException)]);

    private static void AssertRefused(Action decode)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<DamageException>(decode);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Fuzzer.AllocationMax);
    }

    private static byte[] Footer(ObjectCipher cipher, out long packLength)
    {
        List<PackEntry> entries = [];
        var random = new Random(1);
        uint offset = ObjectHeader.Size;
        for (var i = 0; i < 20; i++)
        {
            var length = (uint)random.Next(24, 5000);
            entries.Add(new(new(Random32(random)), offset, length, new(4096, isNode: false, isCompressed: true)));
            offset += length;
        }
        var tail = new byte[PackFooter.Size(entries.Count)];
        PackFooter.Encode(cipher, [.. entries], tail);
        packLength = offset + tail.Length;
        return tail;
    }

    private byte[] IndexTail(out long length)
    {
        using var cipher = new ObjectCipher(_keys, ObjectKind.Index, _id);
        var random = new Random(2);
        var footer = IndexCodec.EncodeFooter(cipher, new(600, [new(Random32(random)), new(Random32(random))], [1, 2]));
        length = ObjectHeader.Size + 600 * IndexEntry.Size + 2 * FormatLimits.TagSize + footer.Length;
        return footer;
    }

    private static byte[] PlaintextOf(ObjectCipher cipher, byte[] tail)
    {
        var plaintext = new byte[tail.Length - ObjectTrailer.Size - FormatLimits.TagSize];
        Assert.True(cipher.TryOpen(ObjectCipher.FooterCounter,
            ObjectTrailer.Associated(cipher, tail.AsSpan(tail.Length - ObjectTrailer.Size)),
            tail.AsSpan(0, tail.Length - ObjectTrailer.Size), plaintext));
        return plaintext;
    }

    private static byte[] SealEnd(ObjectCipher cipher, byte[] plaintext, int count, ReadOnlySpan<byte> magic)
    {
        var tail = new byte[plaintext.Length + FormatLimits.TagSize + ObjectTrailer.Size];
        var trailer = tail.AsSpan(plaintext.Length + FormatLimits.TagSize);
        new ObjectTrailer(plaintext.Length + FormatLimits.TagSize, count).Write(trailer, magic);
        cipher.Seal(ObjectCipher.FooterCounter, ObjectTrailer.Associated(cipher, trailer), plaintext, tail);
        return tail;
    }

    private static Bytes32 Random32(Random random)
    {
        var bytes = new byte[32];
        random.NextBytes(bytes);
        return Bytes32.Read(bytes);
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(Dictionary<string, int>))]
internal sealed partial class FuzzJson : System.Text.Json.Serialization.JsonSerializerContext;
