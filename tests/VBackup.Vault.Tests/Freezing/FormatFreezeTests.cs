using System.Text;
using System.Text.Json;
using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Format.Keys;
using VBackup.Vault.Tests.World;
using VBackup.Vault.Verifying;
using Xunit;

namespace VBackup.Vault.Tests.Freezing;

/// <summary>
/// What is written into vaults and printed for programs. A test that fails here says that the format changed: that takes a
/// new version, never another expectation. The bytes were computed by another program, from docs/vault-format.md.
/// </summary>
public sealed class FormatFreezeTests : IDisposable
{
    private readonly VaultKeys _keys = new(Count(1, 32), VaultId.Read(Count(0xA0, 16)));
    private readonly ObjectId _object = new(Bytes32.Read(Count(100, 32)));
    private static readonly byte[] s_content = Encoding.ASCII.GetBytes("hello vault");

    private const string Chunk = "987459c9801ab621c28cc6f1c7a22898e3277837931a75c2ec3bd81e5dbb2f47";

    public void Dispose() => _keys.Dispose();

    [Fact]
    public void Numbers_of_kinds_stay()
    {
        Assert.Equal("Pack=1 Index=2 Point=3 Session=4 SessionNote=5 Decision=6 Collector=7 Condemned=8 SpooledRun=9 Catalogue=10",
            string.Join(' ', Enum.GetValues<ObjectKind>().Select(kind => $"{kind}={(int)kind}")));
        Assert.Equal("Full=0 Incremental=1", string.Join(' ', Enum.GetValues<PointType>().Select(type => $"{type}={(int)type}")));
        Assert.Equal("Pack Index Point Session KeySlot Collector Condemnation Catalogue", string.Join(' ', Enum.GetNames<DamageKind>()));
    }

    [Fact]
    public void Sizes_and_limits_stay()
    {
        Assert.Equal((1, 256, 7, 8192, 512, 16), (FormatLimits.FormatVersion, FormatLimits.NodeChildren, FormatLimits.TreeLevelsMax,
            FormatLimits.PackBlobsMax, FormatLimits.IndexBlockEntries, FormatLimits.TagSize));
        Assert.Equal((4096, 4 << 20), (FormatLimits.ChunkSizeMin, FormatLimits.ChunkSizeMax));
        Assert.Equal((96, 40, 16, 8, 24, 44, 44), (VaultHeader.Size, ObjectHeader.Size, ObjectTrailer.Size, BlobPrefix.Size,
            BlobPrefix.Overhead, PackEntry.Size, IndexEntry.Size));
        // Readers of today hold no more than this; what is written later must fit them.
        Assert.Equal((37 << 20, 16 << 20), (FormatLimits.PackSizeMax, FormatLimits.SmallObjectSizeMax));
    }

    [Fact]
    public void Names_of_objects_stay()
    {
        Assert.True(SessionId.TryParse(new('a', 32), out var session) & PointId.TryParse(new('b', 32), out var point));
        var id = _object.ToString();
        Assert.Equal(
            [
                "vault", $"packs/64/{id}", $"index/{id}", $"points/{point}", $"sessions/{session}", $"sessions/{session}.ended",
                    $"sessions/{session}.revoked",
                $"sessions/{session}.decision", $"sessions/{session}.beat", $"collectors/{session}", $"condemned/{session}/00000007",
                    "keys/",
                "catalogue/000000000000000a", "catalogue/key", "catalogue/key-ba7816bf8f01cfea414140de5dae2223",
            ],
            [
                ObjectNames.Header, ObjectNames.Pack(_object), ObjectNames.Index(_object), ObjectNames.Point(point),
                    ObjectNames.Session(session),
                ObjectNames.Ended(session), ObjectNames.Revoked(session), ObjectNames.Decision(session), ObjectNames.Beat(session),
                ObjectNames.Collector(session), ObjectNames.Condemnation(session, 7), ObjectNames.Keys,
                ObjectNames.Catalogue(10), ObjectNames.LockedKey, ObjectNames.LockedKeyOf("abc"u8),
            ]);
    }

    [Fact]
    public void The_vaults_header_stays() => AssertBytes(
        "564241434b5550000100000000100000a0a1a2a3a4a5a6a7a8a9aaabacadaeaf00b4c5dab8010000000000000000000000000000000000000000000000000000"
        + "f54dc37d9ad9a2af5248162f1ac101ae9da7c8fb238403023e5447407fa1582f",
        new VaultHeader(_keys.VaultId, 4096, DateTimeOffset.FromUnixTimeMilliseconds(1893456000000)).Encode(_keys));

    [Fact]
    public void Ids_of_chunks_and_nodes_stay()
    {
        Assert.Equal(Chunk, _keys.ChunkId(s_content).ToString());
        Assert.Equal("c3514a0ded22df000a635a416540f44dd4194faa32e833fb5ddb5627ab15b73f", Node().ComputeId(_keys).ToString());
    }

    [Fact]
    public void A_nodes_bytes_stay()
    {
        var bytes = new byte[ManifestNode.EncodedSizeMax];
        AssertBytes("01000200000000000200000000000000000000000000000000000000000000000000000000000080"
            + Repeat("07") + Repeat("08") + Repeat("01") + "00000000280000001e000000" + Repeat("02") + "010000004600000032000000",
            bytes.AsSpan(0, Node().Encode(bytes)));
    }

    [Fact]
    public void A_blobs_bytes_stay()
    {
        using var cipher = new ObjectCipher(_keys, ObjectKind.Pack, _object);
        var blob = new byte[Blob.SizeMax(s_content.Length)];
        var length = Blob.Seal(cipher, 3, _keys.ChunkId(s_content), new(s_content.Length, isNode: false, isCompressed: false), s_content,
            blob);
        AssertBytes("030000000b000000cb9099cc1a55e6aaf60a618cf29ca4bfe1eb21588f6c2bb18257a4", blob.AsSpan(0, length));
        Assert.Equal(5u | 1u << 30, new BlobShape(5, isNode: true, isCompressed: false).Word);
        Assert.Equal(5u | 1u << 31, new BlobShape(5, isNode: false, isCompressed: true).Word);
    }

    [Fact]
    public void A_packs_end_stays()
    {
        using var cipher = new ObjectCipher(_keys, ObjectKind.Pack, _object);
        var tail = new byte[PackFooter.Size(1)];
        PackFooter.Encode(cipher, [new(_keys.ChunkId(s_content), 40, 35, new(s_content.Length, isNode: false, isCompressed: false))], tail);
        AssertBytes("3848052a7f09319e5cc6501b10e5bd7ff3f1789551788b418e554adcecf0c86b613e56ec9bbf9abd9344e3a996397114d8b2fa98c49b441b8b4c2ebc"
            + "3c000000010000005642504b454e4431", tail);
    }

    [Fact]
    public void An_index_objects_bytes_stay()
    {
        using var cipher = new ObjectCipher(_keys, ObjectKind.Index, _object);
        var block = new byte[IndexCodec.BlockSize(1)];
        IndexCodec.EncodeBlock(cipher, 0, [new(_keys.ChunkId(s_content), 0, 40, 35)], block);
        AssertBytes("45058956745e32bcdc98435f65ea4cb90335ff851a93fe17754cdb9ed0213fcb35e26ee4c577f8294befdc4182c4083be9f185b2adb6a5412810eb7e", block);
        var footer = IndexCodec.EncodeFooter(cipher, new(1, [new(Bytes32.Read(Convert.FromHexString(Repeat("07"))))],
            [_keys.ChunkId(s_content).Value.Prefix]));
        AssertBytes("1ce72cbd9e39aa83f49bc88533bbcfb8d99f4e2c3d64c382be2b9906964a3c700c41dc525fc7d69a86340ead6bfb06651f06424fd23edaa9da9be9cb"
            + "4ebda73f9f0db851e4bc017f480000000100000056424958454e4431", footer);
    }

    [Fact]
    public void A_small_object_of_another_program_opens_for_ever()
    {
        var name = $"sessions/{string.Concat(Enumerable.Repeat("ab", 16))}.decision";
        var stored = Convert.FromHexString("56424b4f010600006465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283"
            + "0bb989ab1d0390ebed42d3d9f28424d4abb3de550e1c1c92902577cd743a9e6596fc44dd4d42ce9167f8b20a0c162226968493236ad82c971ff2ac81a21c3f");
        var decision = SealedDocument.OpenJson(_keys, ObjectKind.Decision, name, stored, DocumentJson.Default.DecisionDocument);
        Assert.Equal([string.Concat(Enumerable.Repeat("cd", 16))], decision.Points);
    }

    [Fact]
    public void A_catalogue_of_another_program_opens_for_ever()
    {
        var stored = Convert.FromHexString(
            "56424b4f010a00006465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182831ca383c24311212f62cd48f176860f5cded3e900e44a"
            + "7586f7afead954bffc32f62e3fbc3cdd9d4fa595a8d4b17a307b132cddbf3d064fc03f8c147d488f3845"
            + "503e934beaac1f90091e9608a0cf12f945371de515af1173");
        var catalogue = SealedDocument.OpenJson(_keys, ObjectKind.Catalogue, "catalogue/0000000000000007", stored,
            DocumentJson.Default.CatalogueDocument);
        Assert.Equal((7, TestVault.Epoch, """{"a":1}"""), (catalogue.Generation, catalogue.SavedAt, catalogue.Content.GetRawText()));
        Assert.Equal("""{"generation":7,"savedAt":"2030-01-01T00:00:00+00:00","content":{"a":1}}""",
            JsonSerializer.Serialize(catalogue, DocumentJson.Default.CatalogueDocument));
    }

    [Fact]
    public void A_key_slots_seal_stays() => AssertBytes("da89b2a52ddd6252e9be4f968739c1a0f4202e78d5230a92a5b123c22a076799",
        _keys.SealSlot("keys/" + string.Concat(Enumerable.Repeat("ef", 16)), "{\"format\":1"u8));

    [Fact]
    public void The_documents_members_stay()
    {
        var place = new PlaceDocument { Id = "i", Pack = "p", Offset = 1, Length = 2 };
        const string placeJson = """{"id":"i","pack":"p","offset":1,"length":2}""";
        Assert.Equal(
            """{"id":"1","session":"2","createdAt":"2030-01-01T00:00:00+00:00","name":"n","type":"incremental","base":"3","metadata":{"a":1},"volumes":"""
            + """[{"name":"v","lengthBytes":4,"levels":1,"root":""" + placeJson + ""","type":"full","readBytes":5,"storedBytes":6}]}""",
            JsonSerializer.Serialize(new PointDocument
            {
                Id = "1", Session = "2", CreatedAt = TestVault.Epoch, Name = "n", Type = PointType.Incremental, Base = "3",
                Metadata = JsonDocument.Parse("""{"a":1}""").RootElement,
                Volumes = [new() { Name = "v", LengthBytes = 4, Levels = 1, Root = place, Type = PointType.Full, ReadBytes = 5,
                    StoredBytes = 6 }],
            }, DocumentJson.Default.PointDocument));
        Assert.Equal(
            """{"id":"1","purpose":"p","startedAt":"2030-01-01T00:00:00+00:00","host":"h","bootId":"b","processId":2,"processStart":3,"bases":"""
            + """[{"point":"4","roots":[{"levels":1,"root":""" + placeJson + "}]}]}",
            JsonSerializer.Serialize(new SessionDocument
            {
                Id = "1", Purpose = "p", StartedAt = TestVault.Epoch, Host = "h", BootId = "b", ProcessId = 2, ProcessStart = 3,
                Bases = [new() { Point = "4", Roots = [new() { Levels = 1, Root = place }] }],
            }, DocumentJson.Default.SessionDocument));
        Assert.Equal("""{"points":["1"]}""",
            JsonSerializer.Serialize(new DecisionDocument { Points = ["1"] }, DocumentJson.Default.DecisionDocument));
        Assert.Equal("""{"count":7}""", JsonSerializer.Serialize(new NoteDocument { Count = 7 }, DocumentJson.Default.NoteDocument));
    }

    [Fact]
    public void Members_that_a_later_version_adds_are_passed_over() => Assert.Equal(["1"], JsonSerializer.Deserialize(
        """{"points":["1"],"later":{"a":[1,2]}}""", DocumentJson.Default.DecisionDocument)!.Points);

    [Fact]
    public void A_later_format_version_is_refused_and_says_so()
    {
        var header = new VaultHeader(_keys.VaultId, 4096, TestVault.Epoch).Encode(_keys);
        header[8] = 2;
        Assert.Contains("version 2", Assert.Throws<UnusableVaultException>(() => VaultHeader.Decode(header)).Message,
            StringComparison.Ordinal);
        var document = SealedDocument.Seal(_keys, ObjectKind.Decision, "x", "{}"u8);
        document[4] = 2;
        Assert.Contains("version 2", Assert.Throws<DamageException>(() =>
            SealedDocument.Open(_keys, ObjectKind.Decision, "x", document)).Message, StringComparison.Ordinal);
    }

    private static ManifestNode Node()
    {
        var node = new ManifestNode();
        node.Reset(0);
        node.Set(1, new(new(Of("01")), new(new(Of("07")), 40, 30)));
        node.Set(255, new(new(Of("02")), new(new(Of("08")), 70, 50)));
        return node;
    }

    private static Bytes32 Of(string hex) => Bytes32.Read(Convert.FromHexString(Repeat(hex)));
    private static string Repeat(string hex) => string.Concat(Enumerable.Repeat(hex, 32));
    private static byte[] Count(int from, int count) => [.. Enumerable.Range(from, count).Select(i => (byte)i)];
    private static void AssertBytes(string hex, ReadOnlySpan<byte> actual) => Assert.Equal(hex, Convert.ToHexStringLower(actual));
}
