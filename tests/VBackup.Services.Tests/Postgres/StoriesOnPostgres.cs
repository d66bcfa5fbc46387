using VBackup.Services.Tests.World;

namespace VBackup.Services.Tests.Postgres;

/// <summary>What is told of all kinds of databases, on PostgreSQL.</summary>
public sealed class BackupStoryOnPostgresTests : BackupStoryTests
{
    public BackupStoryOnPostgresTests() => PostgresSchemas.Skip();

    private protected override IWorldDatabases Databases(string folder) => new PostgresSchemas();
}

/// <inheritdoc cref="BackupStoryOnPostgresTests"/>
public sealed class WorkQueueOnPostgresTests : WorkQueueTests
{
    public WorkQueueOnPostgresTests() => PostgresSchemas.Skip();

    private protected override IWorldDatabases Databases(string folder) => new PostgresSchemas();
}

/// <inheritdoc cref="BackupStoryOnPostgresTests"/>
public sealed class KeyStoryOnPostgresTests : KeyStoryTests
{
    public KeyStoryOnPostgresTests() => PostgresSchemas.Skip();

    private protected override IWorldDatabases Databases(string folder) => new PostgresSchemas();
}

/// <inheritdoc cref="BackupStoryOnPostgresTests"/>
public sealed class ProtectedServerOnPostgresTests : ProtectedServerTests
{
    public ProtectedServerOnPostgresTests() => PostgresSchemas.Skip();

    private protected override IWorldDatabases Databases(string folder) => new PostgresSchemas();
}

/// <inheritdoc cref="BackupStoryOnPostgresTests"/>
public sealed class MessageOnPostgresTests : MessageTests
{
    public MessageOnPostgresTests() => PostgresSchemas.Skip();

    private protected override IWorldDatabases Databases(string folder) => new PostgresSchemas();
}
