using Grpc.Core;
using VBackup.Calls.Calling;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Keys;

namespace VBackup.Calls.Keys;

/// <summary>The vBackup service's keys, from another process.</summary>
sealed class RemoteProjectKeys(CallChannel channel, CallInvoker calls) : IProjectKeys
{
    readonly V1.ProjectKeys.ProjectKeysClient _service = new(calls);

    public async Task<ProjectKeyView> GetAsync(ProjectId project, CancellationToken cancellation)
    {
        var reply = await channel.AskAsync(_service.GetAsync, new V1.GetKeyRequest { Project = Fields.Of(project) }, cancellation)
            .ConfigureAwait(false);
        return CallChannel.Read(() => KeyMessages.Key(Fields.Required(reply.Key, "the key")));
    }

    public async Task<ProjectKeyAnswer> RotateAsync(ProjectId project, int number, CancellationToken cancellation) =>
        Answer(await channel.AskAsync(_service.RotateAsync, new V1.RotateKeyRequest { Project = Fields.Of(project), Number = number },
            cancellation).ConfigureAwait(false));

    public async Task<ProjectKeyAnswer> EraseAsync(ProjectId project, CancellationToken cancellation) =>
        Answer(await channel.AskAsync(_service.EraseAsync, new V1.EraseKeyRequest { Project = Fields.Of(project) }, cancellation)
            .ConfigureAwait(false));

    public async Task<HandedOutKey> HandOutAsync(ProjectId project, CancellationToken cancellation)
    {
        var reply = await channel.AskAsync(_service.HandOutAsync, new V1.HandOutKeyRequest { Project = Fields.Of(project) }, cancellation)
            .ConfigureAwait(false);
        return new(CallChannel.Read(() => KeyMessages.Answer(Fields.Required(reply.Answer, "the answer"))), reply.Text);
    }

    static ProjectKeyAnswer Answer(V1.KeyAnswer answer) => CallChannel.Read(() => KeyMessages.Answer(answer));
}
