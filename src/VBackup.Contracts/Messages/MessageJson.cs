using System.Text.Json.Serialization;

namespace VBackup.Contracts.Messages;

/// <summary>How messages are written. What a later version adds is passed over by an earlier one.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, MaxDepth = 32)]
[JsonSerializable(typeof(InventoryReported))]
[JsonSerializable(typeof(ServerMade))]
[JsonSerializable(typeof(StartBackup))]
[JsonSerializable(typeof(StartRestore))]
[JsonSerializable(typeof(ExportImage))]
[JsonSerializable(typeof(ImportImage))]
[JsonSerializable(typeof(CancelRun))]
[JsonSerializable(typeof(RunChanged))]
[JsonSerializable(typeof(RunRefused))]
[JsonSerializable(typeof(PointChanged))]
[JsonSerializable(typeof(DeletePoint))]
[JsonSerializable(typeof(UndeletePoint))]
[JsonSerializable(typeof(ProtectPoint))]
[JsonSerializable(typeof(TakeServerSnapshot))]
[JsonSerializable(typeof(KeepSnapshotAsBase))]
[JsonSerializable(typeof(RemoveSnapshot))]
[JsonSerializable(typeof(RollBackSnapshot))]
[JsonSerializable(typeof(SnapshotTaken))]
[JsonSerializable(typeof(SnapshotChanged))]
[JsonSerializable(typeof(FreeVolumes))]
[JsonSerializable(typeof(SurveySnapshots))]
[JsonSerializable(typeof(SnapshotsSurveyed))]
[JsonSerializable(typeof(LocationChanged))]
[JsonSerializable(typeof(DeclarationsChanged))]
public sealed partial class MessageJson : JsonSerializerContext;
