using VBackup.Primitives;
using VBackup.Vault.Format;
using VBackup.Vault.Tests.World;
using Xunit;

namespace VBackup.Vault.Tests.Damage;

/// <summary>
/// Packs with unbroken seals that no correct writer makes. They can only come from a bug, so nothing else would ever notice it.
/// </summary>
public sealed class ForgedPackTests(SampleFixture fixture) : IClassFixture<SampleFixture>
{
    private readonly SampleVault _sample = fixture.Sample;

    private delegate void Forge(int ordinal, PackEntry entry, ref uint counter, Span<byte> plaintext);

    [Fact]
    public async Task Content_under_the_id_of_another_is_found_and_never_restored()
    {
        var tried = 0;
        foreach (var (pack, entries) in _sample.Map.Packs)
        {
            // A compressed content would no longer be one.
            var victim = Array.FindIndex(entries, entry => !entry.Shape.IsCompressed && !entry.Shape.IsNode);
            if (victim < 0) continue;
            tried++;
            await using var vault = await ForgeAsync(pack, entries, (int ordinal, PackEntry _, ref uint _, Span<byte> plaintext) =>
            {
                if (ordinal == victim) plaintext[0] ^= 1;
            });
            var result = await SampleVault.VerifyAsync(vault);
            Assert.Equal(pack, Assert.Single(result.Damages).ObjectName);
            var expected = _sample.Map.Affected(_sample.Map.Lost((name, blob) => name == pack && blob == entries[victim]));
            Assert.Equal(VaultMap.Show(expected), VaultMap.Show(VaultMap.AffectedBy(result)));
            await _sample.AssertRestoresAsync(vault, expected);
        }
        Assert.True(tried > 3, $"{tried} packs");
    }

    [Fact]
    public async Task A_counter_that_was_used_twice_in_a_pack_is_found()
    {
        var (pack, entries) = _sample.Map.Packs.First(item => item.Value.Length > 2);
        await using var vault = await ForgeAsync(pack, entries, (int ordinal, PackEntry _, ref uint counter, Span<byte> _) =>
        {
            if (ordinal == 2) counter = 1;
        });
        var damage = Assert.Single((await SampleVault.VerifyAsync(vault)).Damages);
        Assert.Equal(pack, damage.ObjectName);
    }

    /// <summary>Opens every blob of a pack and seals it anew in its place.</summary>
    private async Task<TestVault> ForgeAsync(string pack, PackEntry[] entries, Forge forge)
    {
        await using var keys = await SampleVault.OpenAsync(_sample.Image);
        Assert.True(ObjectNames.TryParsePack(pack, out var id));
        using var cipher = new ObjectCipher(keys.Vault.Keys, ObjectKind.Pack, id);
        var content = _sample.Image[pack].ToArray();
        for (var ordinal = 0; ordinal < entries.Length; ordinal++)
        {
            var entry = entries[ordinal];
            var blob = content.AsSpan((int)entry.Offset, (int)entry.Length);
            var plaintext = new byte[blob.Length - BlobPrefix.Overhead];
            Assert.True(Blob.TryOpen(cipher, entry.Id, blob, plaintext, out var shape, out _));
            var counter = (uint)ordinal;
            forge(ordinal, entry, ref counter, plaintext);
            Blob.Seal(cipher, counter, entry.Id, shape, plaintext, blob);
        }
        return await SampleVault.OpenAsync(_sample.Image.With(pack, content));
    }
}
