using System.Globalization;
using VBackup.Bench;

return args switch
{
    ["pipeline", var image, .. var rest] => await PipelineBench.RunAsync(image, rest),
    ["distance", var image, var changed, var extents, var delay, var rounds] => await DistanceBench.RunAsync(
        image, changed, extents, int.Parse(delay, CultureInfo.InvariantCulture), int.Parse(rounds, CultureInfo.InvariantCulture)),
    ["synthesize", var vault, var keyFile, var chunks] => await SyntheticVault.MakeAsync(vault, keyFile, chunks),
    ["hold-parts", var uri, var server, var configuration, var user, var keyring, var rounds] => await HoldPartsBench.RunAsync(
        uri, server, new() { ConfigurationFile = configuration, User = user, KeyringFile = keyring },
        int.Parse(rounds, CultureInfo.InvariantCulture)),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: VBackup.Bench pipeline IMAGE [--lanes N] [--workers N] [--slot BYTES] [--chunk BYTES] [--rounds N]");
    Console.Error.WriteLine("       VBackup.Bench distance IMAGE CHANGED EXTENTS.json MILLISECONDS ROUNDS");
    Console.Error.WriteLine("       VBackup.Bench synthesize VAULT KEYFILE CHUNKS");
    Console.Error.WriteLine("       VBackup.Bench hold-parts LIBVIRT-URI SERVER CEPH-CONF USER KEYRING ROUNDS");
    return 2;
}
