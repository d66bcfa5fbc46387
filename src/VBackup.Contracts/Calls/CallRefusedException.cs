namespace VBackup.Contracts.Calls;

/// <summary>A call was not carried out, and would not be if it were made again: who calls may not, or what he says cannot be.</summary>
/// <param name="reason">For people. Nothing secret is in it.</param>
public sealed class CallRefusedException(string reason) : Exception(reason);
