using System.CommandLine;
using VBackup.Cli.Terminal;
using VBackup.Cli.Vault;
using VBackup.Clouds.Volumes;
using VBackup.DataPath;
using VBackup.Edge;
using VBackup.Edge.Images;
using VBackup.Vault.Reading;
using VBackup.Vault.Stores;

namespace VBackup.Cli.Edge.Images;

/// <summary>What is to be exported, and where to.</summary>
/// <param name="Point">Or a snapshot; one of both is null.</param>
/// <param name="Server">Whose disk the volume is; null when the volume is named as its storage does.</param>
sealed record ExportOrder(string? Point, string? Snapshot, string? Server, string? Volume, string File, ImageFormat Format);

/// <summary><c>vbackup edge export-image</c></summary>
static class ExportImage
{
    static readonly Argument<string?> s_point = new("POINT")
    { Arity = ArgumentArity.ZeroOrOne, Description = "A restore point's id, or the start of it; needs --vault, and no cloud." };
    static readonly Option<string> s_snapshot = new("--snapshot")
    { HelpName = "NAME", Description = "A snapshot in place of a point; needs --cloud, and no vault." };
    static readonly Option<string> s_server = new("--server")
    { HelpName = "NAME", Description = "With --snapshot: the server whose disk --volume names. Without it, --volume is the storage's own "
        + "name." };
    static readonly Option<string> s_volume = new("--volume")
    { HelpName = "NAME", Description = "Which volume; not needed when a point has only one." };
    static readonly Option<string> s_to = new("--to") { HelpName = "FILE", Required = true,
        Description = "The file to write; it must not be there." };

    public static Command Define()
    {
        var command = new Command("export-image",
            "Write a volume of a point, or of a snapshot, to a raw or qcow2 file, with its digest beside.")
        { s_point };
        CloudConfig.AddOptionIfAny(command);
        VaultAccess.AddOptionsIfAny(command);
        foreach (var option in (Option[])[s_snapshot, s_server, s_volume, s_to, ImageFormatOption.Option]) command.Add(option);
        command.SetAction((parsed, stop) => HandleAsync(ReadOrder(parsed), VaultAccess.ReadIfAny(parsed), CloudConfig.ReadIfAny(parsed),
            Screen.Of(parsed), stop));
        return command;
    }

    static ExportOrder ReadOrder(ParseResult parsed)
    {
        var file = parsed.GetRequiredValue(s_to);
        var order = new ExportOrder(parsed.GetValue(s_point), parsed.GetValue(s_snapshot), parsed.GetValue(s_server),
            parsed.GetValue(s_volume),
            file, ImageFormatOption.Read(parsed, file));
        if (order.Point is null == order.Snapshot is null) throw new UsageException("give a POINT or --snapshot NAME, one of both");
        if (order.Server is not null && order.Snapshot is null)
            throw new UsageException("--server belongs to --snapshot: a point knows its server");
        return order;
    }

    static async Task<int> HandleAsync(ExportOrder order, VaultAccess? access, string? config, Screen screen, CancellationToken stop)
    {
        PartialFile.RefuseExisting(order.File);
        if (order.Format == ImageFormat.Qcow2) _ = QemuImage.FindProgram();
        var meter = new RunMeter();
        var (point, volume, length, image) = order.Point is null
            ? await FromSnapshotAsync(order, config ?? throw new UsageException("--snapshot needs --cloud"), screen, stop)
                .ConfigureAwait(false)
            : await FromPointAsync(order, access ?? throw new UsageException("a point needs --vault"), screen, stop).ConfigureAwait(false);
        screen.Event(new ImageExportedEvent(point, order.Snapshot, volume, order.File, ImageFormats.NameOf(order.Format), image.Sha256,
            image.DigestFile, length, image.WrittenBytes, meter.ElapsedSeconds), EventJson.Default.ImageExportedEvent);
        screen.Line($"exported {volume} to {order.File}: {Units.Size(length)}, {Units.Size(image.WrittenBytes)} of them data, in "
            + $"{Units.Duration(meter.Elapsed)}");
        screen.Line($"SHA-256 of the raw content, also in {image.DigestFile}: {image.Sha256}");
        return ExitStatus.Done;
    }

    static async Task<(string? Point, string Volume, long Length, WrittenImage Image)> FromPointAsync(
        ExportOrder order, VaultAccess access, Screen screen, CancellationToken cancellation)
    {
        var vault = await access.OpenAsync(RetryLimits.Patient, cancellation).ConfigureAwait(false);
        await using var closing = vault.ConfigureAwait(false);
        var point = await PointChoice.FindAsync(vault, order.Point!, cancellation).ConfigureAwait(false);
        if (ServerPoint.Choose(point, order.Volume) is not [var volume])
            throw new UsageException($"give --volume NAME: the point has {string.Join(", ", point.Volumes.Select(one => one.Name))}");
        RestoreTarget.Check(order.File, inPlace: false, access, point);
        var reading = await PointReading.BeginAsync(vault, "export", point, cancellation).ConfigureAwait(false);
        await using var ending = reading.ConfigureAwait(false);
        screen.NoteUnprotected(reading.Refusal);
        var image = await new PointImage(reading, volume, screen, new()).WriteAsync(new(order.File, order.Format), cancellation)
            .ConfigureAwait(false);
        return (point.Id, volume.Name, volume.LengthBytes, image);
    }

    static async Task<(string? Point, string Volume, long Length, WrittenImage Image)> FromSnapshotAsync(
        ExportOrder order, string config, Screen screen, CancellationToken cancellation)
    {
        if (order.Volume is null) throw new UsageException("--snapshot needs --volume NAME");
        var cloud = await CloudConfig.OpenAsync(config, screen, cancellation).ConfigureAwait(false);
        await using var closing = cloud.ConfigureAwait(false);
        var volume = order.Server is null ? new VolumeId(order.Volume)
            : await FindDiskAsync(cloud, order.Server, order.Volume, cancellation).ConfigureAwait(false);
        var source = await cloud.Storage.Snapshots.OpenAsync(order.Snapshot!, volume, cancellation).ConfigureAwait(false);
        await using var closingSource = source.ConfigureAwait(false);
        var image = await new ImageFile(order.File, order.Format).WriteAsync(source.LengthBytes, async (target, stop) =>
        {
            using var progress = screen.Follow(order.Volume, source.LengthBytes);
            var copied = await new VolumeCopy(new()).CopyAsync(source, target, progress, stop).ConfigureAwait(false);
            await cloud.Storage.Snapshots.RequireStillThereAsync(order.Snapshot!, [volume], stop).ConfigureAwait(false);
            return copied;
        }, cancellation).ConfigureAwait(false);
        return (null, source.Description, source.LengthBytes, image);
    }

    static async Task<VolumeId> FindDiskAsync(EdgeCloud cloud, string server, string disk, CancellationToken cancellation)
    {
        var found = await cloud.Hypervisor.FindAsync(server, cancellation).ConfigureAwait(false)
            ?? throw new RefusedException($"there is no server {server}: 'vbackup server list' shows them");
        return found.Disks.FirstOrDefault(one => one.Name == disk)?.Volume
            ?? throw new RefusedException($"server {server} has no disk {disk}; it has "
                + $"{string.Join(", ", found.Disks.Select(one => one.Name))}");
    }
}
