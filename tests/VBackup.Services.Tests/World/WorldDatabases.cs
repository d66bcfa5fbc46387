using Microsoft.EntityFrameworkCore;
using VBackup.Platform.Databases;

namespace VBackup.Services.Tests.World;

/// <summary>Where the services of one world have what they know.</summary>
interface IWorldDatabases : IAsyncDisposable
{
    /// <summary>A service's database, with its tables.</summary>
    Task<IServiceDatabase<TDb>> MakeAsync<TDb>(string service, int schemaVersion, Func<DbContextOptions<TDb>, TDb> make)
        where TDb : ServiceDb;

    /// <summary>One that was made, as another process has it.</summary>
    IServiceDatabase<TDb> OpenAgain<TDb>(string service, Func<DbContextOptions<TDb>, TDb> make) where TDb : ServiceDb;
}

/// <summary>Files in a folder, whose owner removes them.</summary>
sealed class SqliteFiles(string folder) : IWorldDatabases
{
    public async Task<IServiceDatabase<TDb>> MakeAsync<TDb>(string service, int schemaVersion, Func<DbContextOptions<TDb>, TDb> make)
        where TDb : ServiceDb
    {
        var made = OpenAgain(service, make);
        await made.PrepareAsync(schemaVersion, default);
        return made;
    }

    public IServiceDatabase<TDb> OpenAgain<TDb>(string service, Func<DbContextOptions<TDb>, TDb> make) where TDb : ServiceDb =>
        new SqliteDatabase<TDb>(Path.Combine(folder, $"{service}.db"), make);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
