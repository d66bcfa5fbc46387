using Grpc.Core;
using VBackup.Calls.Calling;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Locations;

namespace VBackup.Calls.Locations;

/// <summary>The vBackup service's locations, from another process.</summary>
sealed class RemoteLocationRegistry(CallChannel channel, CallInvoker calls) : ILocationRegistry
{
    readonly V1.Locations.LocationsClient _service = new(calls);

    public async Task<LocationAnswer> CreateAsync(LocationId id, NewLocation wish, CancellationToken cancellation) =>
        Answer(await channel.AskAsync(_service.CreateAsync, LocationMessages.Of(id, wish), cancellation).ConfigureAwait(false));

    public async Task<LocationAnswer> ChangeAsync(
        ProjectId project, LocationId id, LocationChange wish, CancellationToken cancellation) =>
        Answer(await channel.AskAsync(_service.ChangeAsync, LocationMessages.Of(project, id, wish), cancellation).ConfigureAwait(false));

    public async Task<LocationAnswer> SetCredentialsAsync(
        ProjectId project, LocationId id, LocationCredentials wish, CancellationToken cancellation) =>
        Answer(await channel.AskAsync(_service.SetCredentialsAsync, new V1.SetCredentialsRequest
        { Project = Fields.Of(project), Location = Fields.Of(id), AccessKey = wish.AccessKey, SecretKey = wish.SecretKey }, cancellation)
            .ConfigureAwait(false));

    public async Task<LocationAnswer> DeleteAsync(ProjectId project, LocationId id, CancellationToken cancellation) =>
        Answer(await channel.AskAsync(_service.DeleteAsync, new V1.DeleteLocationRequest
        { Project = Fields.Of(project), Location = Fields.Of(id) }, cancellation).ConfigureAwait(false));

    static LocationAnswer Answer(V1.LocationReply reply) => CallChannel.Read(() => LocationMessages.Answer(reply));
}
