namespace VBackup.Vault.Model;

/// <summary>The operations of docs/session-table.md that touch more than their own objects.</summary>
enum Operation
{
    BackUpFull,
    BackUpIncremental,
    Read,
    Delete,
    Collect,
    Revoke,
    Expel,
    Consolidate,
    Rewrite,
    Repair,
}
