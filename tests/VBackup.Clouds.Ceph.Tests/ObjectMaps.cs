using System.Globalization;
using System.Text.Json;
using VBackup.Clouds.Volumes;

namespace VBackup.Clouds.Ceph.Tests;

/// <summary>Makes object maps wrong, and leaves them unmarked.</summary>
static class ObjectMaps
{
    /// <summary>Puts the map of an empty image of the same length and objects in the place of an image's or snapshot's map.</summary>
    public static async Task EmptyAsync(CephLab lab, VolumeId volume, string? snapshot)
    {
        var file = Path.GetTempFileName();
        try
        {
            using var image = await DescriptionAsync(volume);
            var empty = await lab.NewImageAsync(image.RootElement.GetProperty("size").GetInt64(),
                "layering,exclusive-lock,object-map,fast-diff",
                "--object-size", image.RootElement.GetProperty("object_size").GetInt64().ToString(CultureInfo.InvariantCulture) + "B");
            using var emptyImage = await DescriptionAsync(empty);
            await CephLab.RadosAsync("get", $"rbd_object_map.{IdOf(emptyImage)}", file);
            var map = $"rbd_object_map.{IdOf(image)}";
            if (snapshot is not null) map += $".{await SnapshotIdAsync(volume, snapshot):x16}";
            // A map that is not there would be made by the put, and change nothing.
            await CephLab.RadosAsync("stat", map);
            await CephLab.RadosAsync("put", map, file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    static async Task<JsonDocument> DescriptionAsync(VolumeId volume) =>
        JsonDocument.Parse(await CephLab.RbdAsync("info", volume.Value, "--format", "json"));

    static string IdOf(JsonDocument image) => image.RootElement.GetProperty("id").GetString()!;

    static async Task<long> SnapshotIdAsync(VolumeId volume, string name)
    {
        using var answer = JsonDocument.Parse(await CephLab.RbdAsync("snap", "ls", volume.Value, "--format", "json"));
        return answer.RootElement.EnumerateArray().Single(entry => entry.GetProperty("name").GetString() == name).GetProperty("id")
            .GetInt64();
    }
}
