using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using VBackup.Calls.Keys;
using VBackup.Calls.Locations;
using VBackup.Calls.Work;
using VBackup.Calls.Workers;

namespace VBackup.Calls.Serving;

/// <summary>The vBackup service's calls, for those that run in processes of their own.</summary>
public static class CallServing
{
    /// <summary>REQUIRES: the services have the ports that are called (<c>IWorkSource</c>, <c>ILocationRegistry</c>, <c>IProjectKeys</c>,
    /// <c>IWorkerAccess</c>, <c>IEnrolment</c>), an <c>IWorkerGate</c>, and a <see cref="ServiceCredential"/>.</summary>
    public static IServiceCollection AddCalls(this IServiceCollection services, CallLimits? limits = null)
    {
        var bounds = limits ?? new();
        services.AddGrpc(grpc =>
        {
            (grpc.MaxReceiveMessageSize, grpc.MaxSendMessageSize) = (bounds.RequestBytesMax, bounds.ReplyBytesMax);
            grpc.EnableDetailedErrors = false;
            // What is short when it is compressed need not be short, and how short it is tells of the secrets in it.
            grpc.CompressionProviders.Clear();
            grpc.Interceptors.Add<RefusalsAreTold>();
        });
        return services;
    }

    public static void MapCalls(this IEndpointRouteBuilder routes)
    {
        routes.MapGrpcService<EnrolmentCalls>().ForAnybody();
        routes.MapGrpcService<WorkCalls>().ForWorkers();
        routes.MapGrpcService<LocationCalls>().ForServices();
        routes.MapGrpcService<ProjectKeyCalls>().ForServices();
        routes.MapGrpcService<WorkerCalls>().ForServices();
    }

    sealed class RefusalsAreTold : Interceptor
    {
        public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            try
            {
                return await continuation(request, context).ConfigureAwait(false);
            }
            catch (Exception failure) when (Refusals.StatusOf(failure) is { } status)
            {
                throw status;
            }
        }
    }
}
