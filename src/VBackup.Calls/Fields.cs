using Google.Protobuf.WellKnownTypes;
using VBackup.Primitives;

namespace VBackup.Calls;

/// <summary>What is in messages, and cannot be anything.</summary>
static class Fields
{
    public static string Of<TId>(TId id) where TId : struct, IUniqueId<TId> => id.Value.ToString("D");

    /// <exception cref="UnreadableMessageException">It is none.</exception>
    public static TId Id<TId>(string text) where TId : struct, IUniqueId<TId> =>
        Guid.TryParseExact(text, "D", out var value) && value != Guid.Empty ? TId.From(value)
            : throw new UnreadableMessageException($"{typeof(TId).Name} is a UUID, and not all zeros");

    public static Timestamp? Of(DateTimeOffset? instant) => instant is { } known ? Timestamp.FromDateTimeOffset(known) : null;

    public static DateTimeOffset? Instant(Timestamp? instant) => instant is null ? null : Read(instant.ToDateTimeOffset, "an instant");

    /// <exception cref="UnreadableMessageException">There is none.</exception>
    public static TimeSpan Span(Duration? span) => Read(Required(span, "a duration").ToTimeSpan, "a duration");

    /// <summary>Numbers are one more than the program's, since 0 is what is not said.</summary>
    /// <exception cref="UnreadableMessageException">It is none that this version knows.</exception>
    public static TEnum Value<TEnum>(int number) where TEnum : struct, System.Enum =>
        System.Enum.ToObject(typeof(TEnum), number - 1) is TEnum value && System.Enum.IsDefined(value) ? value
            : throw new UnreadableMessageException($"{number} is no {typeof(TEnum).Name} that this version knows");

    /// <exception cref="UnreadableMessageException">It is not there.</exception>
    public static T Required<T>(T? message, string what) where T : class =>
        message ?? throw new UnreadableMessageException($"{what} is missing");

    static T Read<T>(Func<T> read, string what)
    {
        try
        {
            return read();
        }
        catch (Exception failure) when (failure is InvalidOperationException or ArgumentException or OverflowException)
        {
            throw new UnreadableMessageException($"{what} is out of range");
        }
    }
}
