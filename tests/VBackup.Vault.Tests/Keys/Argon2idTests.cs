using CsCheck;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Parameters;
using VBackup.Vault.Format.Keys;
using Xunit;

namespace VBackup.Vault.Tests.Keys;

public sealed class Argon2idTests
{
    /// <summary>RFC 9106, 5.3. It has a secret and associated data, which a vault has not, so the library is asked itself.</summary>
    [Fact]
    public void The_library_computes_the_vector_of_RFC_9106()
    {
        var generator = new Argon2BytesGenerator();
        generator.Init(new Argon2Parameters.Builder(Argon2Parameters.Argon2id)
            .WithVersion(Argon2Parameters.Version13)
            .WithSalt(Repeat(2, 16)).WithSecret(Repeat(3, 8)).WithAdditional(Repeat(4, 12))
            .WithMemoryAsKB(32).WithIterations(3).WithParallelism(4).Build());
        var tag = new byte[32];
        generator.GenerateBytes(Repeat(1, 32), tag);
        Assert.Equal("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659", Convert.ToHexStringLower(tag));
    }

    /// <summary>Vectors of the reference implementation (phc-winner-argon2's test.c; the last one by libargon2 itself).</summary>
    [Theory]
    [InlineData(256, 2, 1, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe")]
    [InlineData(256, 2, 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037")]
    [InlineData(65536, 2, 1, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7")]
    [InlineData(77, 1, 3, "282bc2400ef483cce1e9e32ab65134fa57f637034a8a1a5eaa2d9786ebf1c7f7")]
    public void The_reference_implementation_computes_the_same(int memoryKiB, int iterations, int lanes, string expected)
    {
        var key = new byte[32];
        Argon2id.Derive("password"u8, "somesalt"u8, new(memoryKiB, iterations, lanes), key);
        Assert.Equal(expected, Convert.ToHexStringLower(key));
    }

    [Theory]
    [InlineData(0, 1, 1)]
    [InlineData(7, 1, 1)]
    [InlineData(31, 1, 4)]
    [InlineData(Argon2Cost.MemoryKiBMax + 1, 1, 1)]
    [InlineData(int.MaxValue, 1, 1)]
    [InlineData(64, 0, 1)]
    [InlineData(64, Argon2Cost.IterationsMax + 1, 1)]
    [InlineData(64, 1, 0)]
    [InlineData(1024, 1, Argon2Cost.LanesMax + 1)]
    [InlineData(-8, -1, -1)]
    public void A_cost_beyond_the_limits_is_refused(int memoryKiB, int iterations, int lanes)
    {
        var cost = new Argon2Cost(memoryKiB, iterations, lanes);
        Assert.False(cost.IsAllowed);
        Assert.Throws<ArgumentOutOfRangeException>(() => Argon2id.Derive("p"u8, new byte[16], cost, new byte[32]));
    }

    [Fact]
    public void Every_cost_within_the_limits_is_taken() =>
        (from lanes in Gen.Int[1, Argon2Cost.LanesMax]
         from memory in Gen.Int[8 * lanes, 8 * lanes + 70]
         from iterations in Gen.Int[1, 3]
         select new Argon2Cost(memory, iterations, lanes)).Sample(cost =>
        {
            var key = new byte[32];
            Argon2id.Derive("p"u8, new byte[16], cost, key);
            return key.Any(b => b != 0);
        }, iter: 200);

    [Fact]
    public void The_default_and_the_limits_themselves_are_allowed()
    {
        Assert.True(Argon2Cost.Default.IsAllowed);
        Assert.True(new Argon2Cost(Argon2Cost.MemoryKiBMax, Argon2Cost.IterationsMax, Argon2Cost.LanesMax).IsAllowed);
        Assert.True(new Argon2Cost(8, 1, 1).IsAllowed);
    }

    private static byte[] Repeat(byte value, int count) => [.. Enumerable.Repeat(value, count)];
}
