namespace VBackup.Primitives;

/// <summary>A text is not a key. The message says in one line what is wrong with it, and repeats none of it.</summary>
public sealed class KeyTextException(string message) : Exception(message);
