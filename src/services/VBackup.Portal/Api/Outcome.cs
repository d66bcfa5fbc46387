using Microsoft.AspNetCore.Http;

namespace VBackup.Portal.Api;

/// <summary>What came of what somebody asked, by the API or in a page: a value, or the problem.</summary>
public readonly record struct Outcome<T>
{
    readonly T? _value;

    Outcome(T? value, Problem? problem) => (_value, Problem) = (value, problem);

    /// <summary>Null when it was done.</summary>
    public Problem? Problem { get; }

    /// <summary>REQUIRES: there is no problem.</summary>
    public T Value => Problem is null ? _value! : throw new InvalidOperationException(Problem.Detail);

    /// <summary>As the API answers it.</summary>
    public IResult Answer(Func<T, IResult> done) => Problem ?? done(Value);

    public static implicit operator Outcome<T>(T value) => new(value, null);
    public static implicit operator Outcome<T>(Problem problem) => new(default, problem);
}

/// <summary>A thing as it was read, with its version: whoever changes it names the version that he saw.</summary>
public sealed record Versioned<TView>(TView View, long Version);
