using System.Text.Json.Serialization;
using VBackup.Primitives;

namespace VBackup.Contracts.Ids;

/// <summary>What somebody shows to be let in: of a session, or of a program.</summary>
[JsonConverter(typeof(UniqueIdConverter<ApiTokenId>))]
public readonly record struct ApiTokenId(Guid Value) : IUniqueId<ApiTokenId>
{
    public static ApiTokenId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>One line of the audit.</summary>
[JsonConverter(typeof(UniqueIdConverter<AuditEntryId>))]
public readonly record struct AuditEntryId(Guid Value) : IUniqueId<AuditEntryId>
{
    public static AuditEntryId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}

/// <summary>What lets one worker enrol.</summary>
[JsonConverter(typeof(UniqueIdConverter<EnrolmentId>))]
public readonly record struct EnrolmentId(Guid Value) : IUniqueId<EnrolmentId>
{
    public static EnrolmentId From(Guid value) => new(value);
    public override string ToString() => Value.ToString();
}
