namespace VBackup.Clouds.Snapshots;

/// <summary>What an instant may be called: 5 to 50 letters, digits, '_' and '-', of ASCII.</summary>
public static class InstantName
{
    public const int LengthMin = 5;
    public const int LengthMax = 50;

    public static bool IsValid(string name) =>
        name.Length is >= LengthMin and <= LengthMax && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '-');

    /// <exception cref="CloudException">The name is not valid.</exception>
    public static void Check(string name, string operation)
    {
        if (!IsValid(name))
            throw new CloudException(
                CloudFailure.Other, operation, name, $"a snapshot's name has {LengthMin} to {LengthMax} letters, digits, '_' and '-'");
    }
}
