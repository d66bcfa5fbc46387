using System.Text.Json.Nodes;

namespace VBackup.Cli.Demo.Real;

/// <summary>The lab as a cloud's configuration file, for <c>--cloud</c>.</summary>
static class LabCloudFile
{
    public static Task WriteAsync(Lab lab, string path, TimeSpan holdLimit, CancellationToken cancellation)
    {
        var document = new JsonObject
        {
            ["kind"] = "libvirt+ceph",
            ["holdLimitSeconds"] = holdLimit.TotalSeconds,
            ["libvirt"] = new JsonObject { ["uri"] = lab.LibvirtUri },
            ["ceph"] = new JsonObject
            {
                ["configurationFile"] = lab.CephConfiguration,
                ["user"] = lab["VBACKUP_TEST_CEPH_USER"],
                ["keyringFile"] = lab["VBACKUP_TEST_CEPH_KEYRING"],
            },
        };
        return File.WriteAllTextAsync(path, document.ToJsonString(), cancellation);
    }
}
