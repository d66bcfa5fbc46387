namespace VBackup.Edge.Running;

/// <summary>Something that was asked for cannot be had. The message says what, and what to do.</summary>
public sealed class RefusedException(string message) : Exception(message);

/// <summary>What was done about half-finished work, told by the exception that ended it.</summary>
public static class Aftermath
{
    const string Key = "vbackup.aftermath";

    /// <summary>Adds to an exception on its way up what became of the work.</summary>
    public static void Add(Exception exception, string sentence) =>
        exception.Data[Key] = Of(exception) is { } before ? $"{before}; {sentence}" : sentence;

    /// <summary>Null when nothing was added.</summary>
    public static string? Of(Exception exception) => exception.Data[Key] as string;
}
