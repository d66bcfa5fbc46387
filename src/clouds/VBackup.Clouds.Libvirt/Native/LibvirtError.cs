using System.Runtime.InteropServices;

namespace VBackup.Clouds.Libvirt.Native;

/// <summary>libvirt's numbers of errors that mean something to us (<c>virErrorNumber</c>).</summary>
internal enum LibvirtErrorCode
{
    None = 0,
    NoSupport = 3,
    NoConnection = 5,
    InvalidConnection = 6,
    OperationFailed = 9,
    DomainExists = 28,
    OperationDenied = 29,
    NoDomain = 42,
    AuthenticationFailed = 45,
    OperationInvalid = 55,
    ConfigurationUnsupported = 67,
    OperationTimeout = 68,
    ArgumentUnsupported = 74,
    AuthenticationCancelled = 79,
    OperationUnsupported = 84,
    AgentUnresponsive = 86,
    ResourceBusy = 87,
    AccessDenied = 88,
    AuthenticationUnavailable = 94,
    AgentUnsynced = 97,
    NoCheckpoint = 103,
    NoBackup = 104,
    CheckpointInconsistent = 109,
    AgentCommandTimeout = 112,
}

/// <summary>Turns what libvirt says about the last call of this thread into exceptions.</summary>
internal static class LibvirtError
{
    /// <summary>REQUIRES: called on the thread whose call failed, before any other call to libvirt: errors are kept by
    /// thread.</summary>
    public static LibvirtErrorCode LastCode => (LibvirtErrorCode)LibvirtLibrary.virGetLastErrorCode();

    /// <summary>REQUIRES: as <see cref="LastCode"/>.</summary>
    public static CloudException Last(string operation, string subject)
    {
        var code = LastCode;
        var message = Marshal.PtrToStringUTF8(LibvirtLibrary.virGetLastErrorMessage());
        return new(FailureOf(code), operation, subject, string.IsNullOrEmpty(message) ? $"libvirt error {(int)code}" : message);
    }

    /// <summary>Throws for a call that answers below 0 when it failed.</summary>
    public static int Check(int result, string operation, string subject) =>
        result < 0 ? throw Last(operation, subject) : result;

    /// <summary>Throws for a call that answers with nothing when it failed.</summary>
    public static T Check<T>(T handle, string operation, string subject) where T : SafeHandle
    {
        if (!handle.IsInvalid) return handle;
        var error = Last(operation, subject);
        handle.Dispose();
        throw error;
    }

    /// <summary>Takes over a text that libvirt made for the caller; throws when there is none.</summary>
    public static string TakeText(nint text, string operation, string subject)
    {
        if (text == 0) throw Last(operation, subject);
        try
        {
            return Marshal.PtrToStringUTF8(text)!;
        }
        finally
        {
            LibvirtLibrary.free(text);
        }
    }

    internal static CloudFailure FailureOf(LibvirtErrorCode code) => code switch
    {
        LibvirtErrorCode.NoDomain or LibvirtErrorCode.NoCheckpoint or LibvirtErrorCode.NoBackup => CloudFailure.NotFound,
        LibvirtErrorCode.DomainExists => CloudFailure.Exists,
        LibvirtErrorCode.ResourceBusy => CloudFailure.InUse,
        LibvirtErrorCode.OperationDenied or LibvirtErrorCode.AccessDenied or LibvirtErrorCode.AuthenticationFailed
            or LibvirtErrorCode.AuthenticationCancelled or LibvirtErrorCode.AuthenticationUnavailable => CloudFailure.NotAllowed,
        // An agent that does not answer is libvirt's other way to say that time ran out.
        LibvirtErrorCode.OperationTimeout or LibvirtErrorCode.AgentUnresponsive or LibvirtErrorCode.AgentUnsynced
            or LibvirtErrorCode.AgentCommandTimeout => CloudFailure.TimedOut,
        LibvirtErrorCode.NoSupport or LibvirtErrorCode.ConfigurationUnsupported or LibvirtErrorCode.ArgumentUnsupported
            or LibvirtErrorCode.OperationUnsupported => CloudFailure.NotSupported,
        _ => CloudFailure.Other,
    };
}
