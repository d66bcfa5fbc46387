using Grpc.Core;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Locations;

namespace VBackup.Calls.Locations;

/// <summary>Answers who makes and changes locations.</summary>
sealed class LocationCalls(ILocationRegistry registry) : V1.Locations.LocationsBase
{
    public override async Task<V1.LocationReply> Create(V1.CreateLocationRequest request, ServerCallContext context) =>
        LocationMessages.Of(await registry.CreateAsync(Fields.Id<LocationId>(request.Location), LocationMessages.Wish(request),
            context.CancellationToken).ConfigureAwait(false));

    public override async Task<V1.LocationReply> Change(V1.ChangeLocationRequest request, ServerCallContext context) =>
        LocationMessages.Of(await registry.ChangeAsync(Fields.Id<ProjectId>(request.Project), Fields.Id<LocationId>(request.Location),
            LocationMessages.Wish(request), context.CancellationToken).ConfigureAwait(false));

    public override async Task<V1.LocationReply> SetCredentials(V1.SetCredentialsRequest request, ServerCallContext context) =>
        LocationMessages.Of(await registry.SetCredentialsAsync(Fields.Id<ProjectId>(request.Project),
            Fields.Id<LocationId>(request.Location), new(request.AccessKey, request.SecretKey), context.CancellationToken)
                .ConfigureAwait(false));

    public override async Task<V1.LocationReply> Delete(V1.DeleteLocationRequest request, ServerCallContext context) =>
        LocationMessages.Of(await registry.DeleteAsync(Fields.Id<ProjectId>(request.Project), Fields.Id<LocationId>(request.Location),
            context.CancellationToken).ConfigureAwait(false));
}
