using Grpc.Core;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Keys;

namespace VBackup.Calls.Keys;

/// <summary>Answers who asks about projects' keys.</summary>
sealed class ProjectKeyCalls(IProjectKeys keys) : V1.ProjectKeys.ProjectKeysBase
{
    public override async Task<V1.GetKeyReply> Get(V1.GetKeyRequest request, ServerCallContext context) => new()
    {
        Key = KeyMessages.Of(await keys.GetAsync(Fields.Id<ProjectId>(request.Project), context.CancellationToken).ConfigureAwait(false)),
    };

    public override async Task<V1.KeyAnswer> Rotate(V1.RotateKeyRequest request, ServerCallContext context) =>
        KeyMessages.Of(await keys.RotateAsync(Fields.Id<ProjectId>(request.Project), request.Number, context.CancellationToken)
            .ConfigureAwait(false));

    public override async Task<V1.KeyAnswer> Erase(V1.EraseKeyRequest request, ServerCallContext context) =>
        KeyMessages.Of(await keys.EraseAsync(Fields.Id<ProjectId>(request.Project), context.CancellationToken).ConfigureAwait(false));

    public override async Task<V1.HandOutKeyReply> HandOut(V1.HandOutKeyRequest request, ServerCallContext context)
    {
        var handed = await keys.HandOutAsync(Fields.Id<ProjectId>(request.Project), context.CancellationToken).ConfigureAwait(false);
        return new() { Answer = KeyMessages.Of(handed.Answer), Text = handed.Text };
    }
}
