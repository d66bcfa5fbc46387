using System.Text.Json.Serialization;
using VBackup.Contracts.Messages;

namespace VBackup.Portal.Identity;

/// <summary>What a role may allow. The names are written down in roles and said in refusals, so they stay as they are.</summary>
// The product calls it a permission; the rule means attributes of long ago that ended so.
#pragma warning disable CA1711
[JsonConverter(typeof(EnumNameConverter<Permission>))]
public enum Permission
#pragma warning restore CA1711
{
    ListServer,
    GetServer,
    ListVolumeUsage,
    GetVolumeUsage,
    ListBackupPlan,
    GetBackupPlan,
    ListRestorePoint,
    GetRestorePoint,
    ListPolicy,
    GetPolicy,
    ListLocation,
    GetLocation,
    ListSnapshot,
    GetSnapshot,
    ListHistory,
    GetHistory,
    CreateBackupPlan,
    CreateBackupPlanWithDefaults,
    UpdateBackupPlan,
    EnableBackupPlan,
    DisableBackupPlan,
    DeleteBackupPlan,
    BackupNow,
    RestoreServer,
    RestoreVolume,
    DownloadRestorePoint,
    DeleteRestorePoint,
    UndeleteRestorePoint,
    ProtectRestorePoint,
    CreatePolicy,
    UpdatePolicy,
    DeletePolicy,
    CreateLocation,
    UpdateLocation,
    DeleteLocation,
    LockLocation,
    CreateSnapshot,
    DeleteSnapshot,
    RollbackSnapshot,
    ManageAccess,
}

/// <summary>The roles that every project has and nobody changes.</summary>
public static class BuiltInRoles
{
    public const string FullAccess = "vBackupFullAccess";
    public const string ReadOnlyAccess = "vBackupReadOnlyAccess";
    public const string Operator = "vBackupOperator";

    static readonly Dictionary<string, IReadOnlySet<Permission>> s_roles = new(StringComparer.Ordinal)
    {
        [FullAccess] = Enum.GetValues<Permission>().ToHashSet(),
        [ReadOnlyAccess] = Enum.GetValues<Permission>().Where(OnlyReads).ToHashSet(),
        [Operator] = Enum.GetValues<Permission>()
            .Where(one => !Deletes(one) && one is not (Permission.LockLocation or Permission.ManageAccess))
            .ToHashSet(),
    };

    public static IReadOnlyDictionary<string, IReadOnlySet<Permission>> All => s_roles;

    static bool OnlyReads(Permission permission) => Begins(permission, "List") || Begins(permission, "Get");

    static bool Deletes(Permission permission) => Begins(permission, "Delete");

    static bool Begins(Permission permission, string word) => permission.ToString().StartsWith(word, StringComparison.Ordinal);
}
