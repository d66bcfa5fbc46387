using Microsoft.EntityFrameworkCore;
using Xunit;
namespace VBackup.Services.Tests.Postgres;
public sealed class EmitTemp
{
    [Fact]
    public void Emit()
    {
        const string S = "/tmp/h5p/src/services/";
        W<VBackup.Portal.PortalDb>(S + "VBackup.Portal/Schema/0006.sql", o => new(o));
        W<VBackup.Service.BackupDb>(S + "VBackup.Service/Schema/0005.sql", o => new(o));
        W<VBackup.Snapshots.SnapshotsDb>(S + "VBackup.Snapshots/Schema/0002.sql", o => new(o));
    }
    static void W<T>(string path, Func<DbContextOptions<T>, T> make) where T : DbContext
    {
        using var db = make(new DbContextOptionsBuilder<T>().UseNpgsql("Host=localhost;Database=x").Options);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, db.Database.GenerateCreateScript().ReplaceLineEndings("\n").TrimEnd() + "\n");
    }
}
