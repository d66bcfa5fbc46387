using System.Text.Json;
using System.Text.Json.Serialization;

namespace VBackup.Cli.Remote;

// What is read of the API's answers (docs/api.md): only what is shown or looked at. States and kinds are texts, so that those which a later
// version adds are shown as they are.

sealed record PageView(IReadOnlyList<JsonElement> Items, string? Next);

sealed record SessionView(string Id, string Token, DateTimeOffset ExpiresAt, string User, string? ProjectName)
{
    // It may end in a log, and the token must not.
    public override string ToString() => $"session {Id}";
}

sealed record TokenView(string Id, string Name, string User, bool Session, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt,
    DateTimeOffset? LastUsedAt, DateTimeOffset? RevokedAt);

sealed record MeView(string Name, string? ProjectName);

sealed record PendingVaultView(string LocationName, string? Error);

sealed record KeyView(int Number, string State, DateTimeOffset? MadeAt, DateTimeOffset? HandedOutAt, DateTimeOffset? ErasedAt,
    IReadOnlyList<PendingVaultView> Vaults);

sealed record RecoveryKeyView(string RecoveryKey, string Meaning)
{
    // As above.
    public override string ToString() => "a recovery key";
}

sealed record ErasedKeyView(KeyView Key, string Meaning);

sealed record WebhookView(string Id, string Name, string Url, DateTimeOffset CreatedAt, bool HasSecret);

/// <param name="Secret">Null in an answer that is given again.</param>
sealed record NewWebhookView(string Id, string Name, string? Secret)
{
    // As above.
    public override string ToString() => $"webhook {Id}";
}

sealed record TestedView(string Notification);

/// <param name="Token">Null in an answer that is given again.</param>
sealed record NewTokenView(string Id, string Name, DateTimeOffset ExpiresAt, string? Token)
{
    // As above.
    public override string ToString() => $"token {Id}";
}

sealed record ServerName(string Region, string Id);

sealed record DiskView(string Name, string Volume, long? LengthBytes);

sealed record ServerView(string Region, string Id, string Name, string State, IReadOnlyList<DiskView> Disks, string? Plan, bool IsGone,
    DateTimeOffset? SeenAt);

sealed record ProjectView(string Id, string Name);

sealed record OwnerView(string Region, string Id, string Name);

sealed record PolicyView(string Id, string Name, bool IsSystemDefault, RulesView Rules);

sealed record PlanView(string Id, ServerName Server, string ServerName, string Policy, string Location, IReadOnlyList<string>? Volumes,
    bool IncludesLater, bool IsEnabled, string? PausedBecause, string Note);

sealed record PointVolumeView(string Name, long LengthBytes, string Kind, long ReadBytes, long StoredBytes);

sealed record PointView(string Id, ServerName Server, string ServerName, string Run, string Location, string State, string Kind,
    string Trigger,
    IReadOnlyList<string> Tags, DateTimeOffset DueAt, DateTimeOffset? TakenAt, DateTimeOffset? CompletedAt, string? Consistency,
    bool IsDistrusted, long LengthBytes, long ReadBytes, long StoredBytes, IReadOnlyList<PointVolumeView> Volumes, DateTimeOffset? PurgeAt,
    bool IsProtected = false, string? InstantKind = null, double? SkewSeconds = null, ConfigurationView? Configuration = null);

sealed record ConfiguredDiskView(string Name, string Volume);

sealed record ConfigurationView(string Kind, int? Processors, long? MemoryBytes, IReadOnlyList<ConfiguredDiskView> Disks);

sealed record KeepView(string Text);

sealed record DepartureView(DateTimeOffset At, string HeldBy, IReadOnlyList<string> Because);

sealed record ExplanationView(string Point, IReadOnlyList<KeepView> Keeps, DepartureView? Goes, DateTimeOffset? PurgeAt,
    DateTimeOffset? LockedUntil = null);

sealed record StartedView(string Run);

sealed record RunView(string Id, string Kind, ServerName Server, string ServerName, string? Location, string? Point, string Trigger,
    string State,
    bool IsOver, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, long DoneBytes, long TotalBytes, long StoredBytes,
    IReadOnlyList<string> Notes, string? Error, string? Target, long CheckedBytes = 0, DateTimeOffset? WaitsForWorkerSince = null);

sealed record LocationView(string Id, string Name, string Region, string Kind, string Address, string? Endpoint, string State,
    string? Refusal,
    bool IsDefault, long? QuotaBytes, long UsedBytes, int SoftDeleteDays, DateTimeOffset? VerifiedAt, string? Finding,
    LockView? Lock = null, bool CanHoldPoints = false);

sealed record LockView(int? MinDays, int? MaxDays, DateTimeOffset FinalAt, bool IsEnforcedByStore = false);

sealed record SnapshotView(string Id, ServerName Server, string Name, string Purpose, string State, IReadOnlyList<DiskView> Disks,
    DateTimeOffset? TakenAt, DateTimeOffset? KeptUntil, bool IsRollingBack, DateTimeOffset? RolledBackAt, string? Error);

sealed record OrphanView(ServerName Server, string ServerName, string Instant, IReadOnlyList<string> Volumes, DateTimeOffset TakenAt,
    DateTimeOffset FirstSeenAt, bool IsOurs, DateTimeOffset? RemovedAfter, string? Error);

sealed record KeepingView(string Name);

sealed record UsagesView(IReadOnlyList<JsonElement> Items);

sealed record UsageView(string Name, string Volume, long? LengthBytes, long? UsedBytes, bool IsFree, IReadOnlyList<KeepingView> Snapshots);

sealed record FreedView(IReadOnlyList<KeepingView> Removed, IReadOnlyList<string> Notes);

// Policies, read and written in the same shape (docs/policies.md). Times are HH:mm.

sealed record RulesView(string LaunchTime, string Zone, HourlyView? Hourly = null, DailyView? Daily = null, WeeklyView? Weekly = null,
    MonthlyView? Monthly = null, PatternView? FullPattern = null, WindowView? Window = null, NotificationView? Notification = null);

sealed record HourlyView(int EveryHours, int? Keep);

sealed record DailyView(int? Keep);

sealed record WeeklyView(IReadOnlyList<string> Days, int? Keep);

sealed record MonthlyView(DayView On, int? Keep);

sealed record DayView(int? Day = null, bool LastDay = false, WeekdayView? Weekday = null);

sealed record WeekdayView(string Week, string Day);

sealed record PatternView(int Incrementals, int? KeepFulls);

sealed record WindowView(string EarliestStart, string LatestStart, string? StopBy);

/// <param name="Webhooks">Their ids.</param>
sealed record NotificationView(bool OnSuccess, bool OnFailure, IReadOnlyList<string>? Recipients, IReadOnlyList<string>? Webhooks);

// What is sent. What is null is left out, and the Portal takes its default.

sealed record SignInBody(string User, string Password, string? Project)
{
    // They may end in a log, and the secrets must not. So with the next, and with a location's.
    public override string ToString() => User;
}

sealed record PasswordBody(string User, string Password, string NewPassword)
{
    public override string ToString() => User;
}

sealed record TokenBody(string Name, DateTimeOffset? ExpiresAt);

/// <param name="Rules">A <see cref="RulesView"/>, or what a file says.</param>
sealed record PolicyBody(string Name, JsonElement Rules);

sealed record PlanBody(ServerName Server, string? Policy, string? Location, IReadOnlyList<string>? Volumes, bool? IncludesLater,
    string? Note);

sealed record PlanChangeBody(string? Policy = null, string? Location = null);

sealed record RestoreBody(string Target, string? Name, string? Volume, bool? StopsServer);

sealed record ExportImageBody(string? Volume, string File, string? Format);

sealed record ImportImageBody(ServerName Server, string File, string? Format, string Name);

sealed record SnapshotBody(ServerName Server, string Name, IReadOnlyList<string>? Volumes, int? KeptDays);

sealed record RollBackBody(IReadOnlyList<string>? Volumes);

sealed record EraseBody(string Project);

sealed record WebhookBody(string Name, string Url);

sealed record SurveyBody(string Region);

sealed record FreeBody(IReadOnlyList<string>? Volumes, bool? RemovesSnapshots);

sealed record OwnerBody(string Project);

sealed record LocationBody(string Name, string Region, string Kind, string Address, string? Endpoint, string? S3Region, string? AccessKey,
    string? SecretKey, long? QuotaBytes, int? SoftDeleteDays, bool? IsDefault)
{
    public override string ToString() => Name;
}

sealed record CredentialsBody(string AccessKey, string SecretKey)
{
    public override string ToString() => "credentials";
}

sealed record LockBody(int? MinDays, int? MaxDays, int ChangeDays);

sealed record NothingBody;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SignIn))]
[JsonSerializable(typeof(CurrentPortal))]
[JsonSerializable(typeof(ProblemView))]
[JsonSerializable(typeof(PageView))]
[JsonSerializable(typeof(SessionView))]
[JsonSerializable(typeof(TokenView))]
[JsonSerializable(typeof(NewTokenView))]
[JsonSerializable(typeof(ServerView))]
[JsonSerializable(typeof(ProjectView))]
[JsonSerializable(typeof(OwnerView))]
[JsonSerializable(typeof(OwnerBody))]
[JsonSerializable(typeof(PolicyView))]
[JsonSerializable(typeof(RulesView))]
[JsonSerializable(typeof(PlanView))]
[JsonSerializable(typeof(PointView))]
[JsonSerializable(typeof(ExplanationView))]
[JsonSerializable(typeof(StartedView))]
[JsonSerializable(typeof(RunView))]
[JsonSerializable(typeof(LocationView))]
[JsonSerializable(typeof(SnapshotView))]
[JsonSerializable(typeof(MeView))]
[JsonSerializable(typeof(KeyView))]
[JsonSerializable(typeof(RecoveryKeyView))]
[JsonSerializable(typeof(ErasedKeyView))]
[JsonSerializable(typeof(WebhookView))]
[JsonSerializable(typeof(NewWebhookView))]
[JsonSerializable(typeof(TestedView))]
[JsonSerializable(typeof(OrphanView))]
[JsonSerializable(typeof(UsagesView))]
[JsonSerializable(typeof(UsageView))]
[JsonSerializable(typeof(FreedView))]
[JsonSerializable(typeof(SignInBody))]
[JsonSerializable(typeof(PasswordBody))]
[JsonSerializable(typeof(TokenBody))]
[JsonSerializable(typeof(PolicyBody))]
[JsonSerializable(typeof(PlanBody))]
[JsonSerializable(typeof(PlanChangeBody))]
[JsonSerializable(typeof(RestoreBody))]
[JsonSerializable(typeof(ExportImageBody))]
[JsonSerializable(typeof(ImportImageBody))]
[JsonSerializable(typeof(CredentialsBody))]
[JsonSerializable(typeof(LockBody))]
[JsonSerializable(typeof(SnapshotBody))]
[JsonSerializable(typeof(RollBackBody))]
[JsonSerializable(typeof(LocationBody))]
[JsonSerializable(typeof(EraseBody))]
[JsonSerializable(typeof(WebhookBody))]
[JsonSerializable(typeof(SurveyBody))]
[JsonSerializable(typeof(FreeBody))]
[JsonSerializable(typeof(NothingBody))]
sealed partial class RemoteJson : JsonSerializerContext;
