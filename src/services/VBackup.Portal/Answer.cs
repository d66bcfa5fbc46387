namespace VBackup.Portal;

/// <summary>Why a request was not done.</summary>
public enum RefusalKind
{
    /// <summary>A member of it is wrong.</summary>
    Invalid,
    /// <summary>There is no such thing in the caller's project.</summary>
    NotFound,
    /// <summary>It does not go with how things are now.</summary>
    Conflict,
}

/// <param name="Code">For programs; stable.</param>
/// <param name="Message">For people: what is wrong and what to do.</param>
/// <param name="Field">Which member is wrong.</param>
public sealed record Refusal(RefusalKind Kind, string Code, string Message, string? Field = null)
{
    public static Refusal NotFound(string what) => new(RefusalKind.NotFound, "not-found", $"there is no such {what}");
    public static Refusal Invalid(string field, string message) => new(RefusalKind.Invalid, "invalid", message, field);
    public static Refusal Conflict(string code, string message) => new(RefusalKind.Conflict, code, message);
}

/// <summary>What came of a request: a value, or why not.</summary>
public readonly record struct Answer<T>
{
    readonly T? _value;

    Answer(T? value, Refusal? refusal) => (_value, Refusal) = (value, refusal);

    /// <summary>Null when it was done.</summary>
    public Refusal? Refusal { get; }

    /// <summary>REQUIRES: it was done.</summary>
    public T Value => Refusal is null ? _value! : throw new InvalidOperationException(Refusal.Message);

    public static implicit operator Answer<T>(T value) => new(value, null);
    public static implicit operator Answer<T>(Refusal refusal) => new(default, refusal);
}
