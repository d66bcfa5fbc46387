using System.Security.Cryptography;

namespace VBackup.EndToEnd.Tests.World;

/// <summary>Where a scene's vault and spool are, and what stands between.</summary>
internal enum FaultPlace
{
    /// <summary>A bucket of the lab's user.</summary>
    S3,
    /// <summary>The same, through a <see cref="FaultyGateway"/>.</summary>
    SlowS3,
    /// <summary>A bucket of a user of its own.</summary>
    OwnUser,
    /// <summary>A folder of the machine: nothing but the volumes is in the cluster.</summary>
    Folder,
    /// <summary>A folder on a CephFS of its own.</summary>
    CephFs,
    /// <summary>A bucket, and a spool on a CephFS of its own.</summary>
    Spool,
}

/// <summary>A vault of its own for the lab's server, and all that may be broken beneath it.</summary>
internal sealed class FaultScene : IAsyncDisposable
{
    FaultScene(EdgeLab lab, LabServer server) => (Lab, Server) = (lab, server);

    public EdgeLab Lab { get; }
    public LabServer Server { get; }
    public EdgeWorld World { get; private set; } = null!;
    public string Bucket { get; private set; } = "";
    public string User { get; private set; } = "";
    public FaultyGateway? Gateway { get; private set; }
    public CephFsMount? Mount { get; private set; }

    /// <summary>The daemon that hangs, where one does.</summary>
    public string Hanging { get; set; } = "";

    public string SpoolFolder => Path.Combine(Mount!.Folder, "spool");

    /// <summary>Options of each backup and restore.</summary>
    public string[] Options { get; private set; } = [];

    public static async Task<FaultScene> MakeAsync(EdgeLab lab, LabServer server, FaultPlace place)
    {
        var scene = new FaultScene(lab, server);
        try
        {
            await scene.MakeAsync(place);
            return scene;
        }
        catch
        {
            await scene.DisposeAsync();
            throw;
        }
    }

    async Task MakeAsync(FaultPlace place)
    {
        var variables = Lab.S3Variables;
        if (place == FaultPlace.OwnUser)
        {
            User = $"e2e-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6))}";
            await Lab.RadosGatewayAsync("user", "create", $"--uid={User}", "--display-name=test", $"--access-key={User}",
                $"--secret={User}");
            variables["AWS_ACCESS_KEY_ID"] = variables["AWS_SECRET_ACCESS_KEY"] = User;
        }
        Bucket = await S3Bucket.MakeInAsync(variables);
        if (place == FaultPlace.SlowS3)
        {
            Gateway = new(variables["AWS_ENDPOINT_URL_S3"]!);
            variables["AWS_ENDPOINT_URL_S3"] = Gateway.Endpoint;
        }
        if (place is FaultPlace.CephFs or FaultPlace.Spool)
        {
            Mount = new(Lab);
            await Mount.MountAsync();
        }
        if (place == FaultPlace.Spool)
        {
            Directory.CreateDirectory(SpoolFolder);
            Options = ["--spool", SpoolFolder];
        }
        var name = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
        var vault = new CliVault(place switch
        {
            FaultPlace.Folder => null,
            FaultPlace.CephFs => Path.Combine(Mount!.Folder, name),
            _ => $"s3://{Bucket}/{name}",
        }) { Variables = variables };
        World = await EdgeWorld.OfServerAsync(Lab, Server.Name, vault);
        await vault.InitAsync();
    }

    public Task<Ended> BackUpAsync() => World.BackUpAsync(Options);

    /// <summary>After the bucket was lost: a new one of that name, and a new vault in it.</summary>
    public async Task BeginAnewAsync()
    {
        await S3Bucket.MakeInAsync(Bucket, World.Vault.Variables!);
        (await World.Vault.RunAsync("init")).Expect(0);
    }

    public async ValueTask DisposeAsync()
    {
        if (World is not null) await World.DisposeAsync();
        // What is in it goes with the lab.
        if (Mount is not null) await Mount.DisposeAsync();
        if (Gateway is not null) await Gateway.DisposeAsync();
    }
}
