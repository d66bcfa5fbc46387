using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using VBackup.Calls.Calling;
using VBackup.Contracts.Access;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Keys;
using VBackup.Contracts.Locations;
using VBackup.Contracts.Work;

namespace VBackup.Services.Tests.Calls;

/// <summary>All ports that are called over the wire, and one listener behind them.</summary>
static class Ports
{
    public const string WorkerCredential = "a-worker";

    static readonly Dictionary<Type, Func<CallChannel, object>> s_all = new()
    {
        [typeof(IWorkSource)] = channel => channel.Work,
        [typeof(ILocationRegistry)] = channel => channel.Locations,
        [typeof(IProjectKeys)] = channel => channel.ProjectKeys,
        [typeof(IEnrolment)] = channel => channel.Enrolment,
        [typeof(IWorkerAccess)] = channel => channel.Workers,
    };

    /// <summary>Each method of each port.</summary>
    public static IReadOnlyList<MethodInfo> Methods { get; } = [.. s_all.Keys.SelectMany(port => port.GetMethods())];

    /// <summary>For theories.</summary>
    public static IEnumerable<string> Names => Methods.Select(NameOf);

    public static MethodInfo Method(string name) => Methods.Single(method => NameOf(method) == name);

    static string NameOf(MethodInfo method) => $"{method.DeclaringType!.Name}.{method.Name}";

    /// <summary>What lets in whoever calls it; null for nothing.</summary>
    public static string? CredentialFor(MethodInfo method) => method.DeclaringType == typeof(IWorkSource) ? WorkerCredential
        : method.DeclaringType == typeof(IEnrolment) ? null : ServedCalls.ServiceCredential;

    public static Task<ServedCalls> ServeAsync(ListeningPort port, VBackup.Calls.CallLimits? limits = null) =>
        ServedCalls.StartAsync(services => services.AddSingleton(port.As<IWorkSource>()).AddSingleton(port.As<ILocationRegistry>())
            .AddSingleton(port.As<IProjectKeys>()).AddSingleton(port.As<IEnrolment>()).AddSingleton(port.As<IWorkerAccess>())
            .AddSingleton<IWorkerGate>(new OpenGate()), limits: limits);

    /// <summary>Calls over the wire.</summary>
    /// <param name="said">Without the token, which comes last.</param>
    public static async Task<object?> CallAsync(
        CallChannel channel, MethodInfo method, object?[] said, CancellationToken cancellation = default)
    {
        var call = (Task)method.Invoke(s_all[method.DeclaringType!](channel), BindingFlags.DoNotWrapExceptions, null,
            [.. said, cancellation], null)!;
        await call;
        return method.ReturnType == typeof(Task) ? null : call.GetType().GetProperty("Result")!.GetValue(call);
    }

    public static object?[] Said(MethodInfo method, Samples samples) =>
        [.. method.GetParameters().Where(one => one.ParameterType != typeof(CancellationToken)).Select(samples.Make)];

    /// <summary>One worker is let in, and has every task.</summary>
    sealed class OpenGate : IWorkerGate
    {
        public Task<WorkerId?> AdmitAsync(string credential, CancellationToken cancellation) =>
            Task.FromResult<WorkerId?>(credential == WorkerCredential ? Samples.Worker : null);

        public Task<bool> HoldsAsync(WorkerId worker, WorkTaskId task, int epoch, CancellationToken cancellation) => Task.FromResult(true);
    }
}
