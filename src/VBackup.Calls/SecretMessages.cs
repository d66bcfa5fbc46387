using Google.Protobuf;

// Messages print what is in them, as logs and debuggers would have it. Those that carry what opens something do not.
namespace VBackup.Calls.V1;

sealed partial class Secrets : ICustomDiagnosticMessage
{
    public string ToDiagnosticString() => "secrets";
}

sealed partial class LockedKey : ICustomDiagnosticMessage
{
    public string ToDiagnosticString() => "a locked key";
}

sealed partial class CreateLocationRequest : ICustomDiagnosticMessage
{
    public string ToDiagnosticString() => $"location {Name}";
}

sealed partial class SetCredentialsRequest : ICustomDiagnosticMessage
{
    public string ToDiagnosticString() => "credentials";
}

sealed partial class HandOutKeyReply : ICustomDiagnosticMessage
{
    public string ToDiagnosticString() => "a key";
}

sealed partial class EnrolRequest : ICustomDiagnosticMessage
{
    public string ToDiagnosticString() => $"worker {Name}";
}

sealed partial class Enrolled : ICustomDiagnosticMessage
{
    public string ToDiagnosticString() => $"worker {Worker}";
}

sealed partial class MakeTokenReply : ICustomDiagnosticMessage
{
    public string ToDiagnosticString() => $"enrolment {Enrolment}";
}
