namespace VBackup.Vault.Format;

/// <summary>Kinds of sealed objects; the numbers are part of the format.</summary>
public enum ObjectKind : byte
{
    Pack = 1,
    Index = 2,
    Point = 3,
    Session = 4,
    SessionNote = 5,
    Decision = 6,
    Collector = 7,
    Condemned = 8,

    /// <summary>Lies in a spool, never in a vault.</summary>
    SpooledRun = 9,

    /// <summary>What a system that keeps its points here knows of them beside; nothing of the vault refers to it.</summary>
    Catalogue = 10,
}
