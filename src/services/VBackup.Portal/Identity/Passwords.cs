using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using VBackup.Portal.Api;

namespace VBackup.Portal.Identity;

/// <summary>Hashes passwords and compares them: PBKDF2 with HMAC-SHA512. Thread-safe.</summary>
public sealed class Passwords
{
    public const int LengthMin = 12;
    public const int LengthMax = 256;

    /// <summary>As OWASP advises.</summary>
    public const int IterationsDefault = 210_000;

    /// <summary>Shorter names are parts of many words.</summary>
    const int NameLengthThatCounts = 4;

    readonly PasswordHasher<string> _hasher;
    readonly string _hashOfNobody;

    /// <param name="iterations">How dear each guess is made.</param>
    public Passwords(int iterations = IterationsDefault)
    {
        _hasher = new(Options.Create(new PasswordHasherOptions { IterationCount = iterations }));
        _hashOfNobody = Hash(NewOneTime());
    }

    /// <summary>Random, for somebody who will choose his own.</summary>
    public static string NewOneTime() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(18));

    public string Hash(string password) => _hasher.HashPassword("", password);

    /// <param name="user">Null for one that there is not: it takes as long to say no.</param>
    public bool AreRight(User? user, string password) =>
        _hasher.VerifyHashedPassword("", user?.PasswordHash ?? _hashOfNobody, password) != PasswordVerificationResult.Failed
            && user is not null;

    /// <summary>Null when it may be chosen.</summary>
    internal static Problem? Refuses(string field, string? chosen, string userName, string? before) => chosen switch
    {
        null or { Length: < LengthMin or > LengthMax } => Problem.Wrong(field, $"It has {LengthMin} to {LengthMax} letters."),
        _ when chosen == before => Problem.Wrong(field, "It is another one than before."),
        _ when userName.Length >= NameLengthThatCounts
            && chosen.Replace(userName, "", StringComparison.OrdinalIgnoreCase).Length < LengthMin =>
            Problem.Wrong(field, $"It has {LengthMin} letters beside the user's name."),
        _ when chosen.Distinct().Count() < 5 => Problem.Wrong(field, "It has five different letters at least."),
        _ => null,
    };
}
