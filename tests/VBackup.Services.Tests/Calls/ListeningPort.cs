using System.Reflection;
using System.Text.Json;
using VBackup.Contracts.Work;

namespace VBackup.Services.Tests.Calls;

/// <summary>A port that notes what it is called with, and does what a test says.</summary>
sealed class ListeningPort
{
    /// <summary>What each call was, in order.</summary>
    public List<string> Heard { get; } = [];

    /// <summary>What is given; of a method that gives nothing, null.</summary>
    public Func<MethodInfo, CancellationToken, Task<object?>> Gives { get; set; } = (_, _) => Task.FromResult<object?>(null);

    /// <summary>The port of an interface.</summary>
    public T As<T>() where T : class
    {
        var port = DispatchProxy.Create<T, Proxy>();
        ((Proxy)(object)port).Listening = this;
        return port;
    }

    /// <summary>How a call is noted.</summary>
    public static string Note(MethodInfo method, IEnumerable<object?> said) =>
        $"{method.Name}({string.Join(", ", said.Where(one => one is not CancellationToken).Select(Text))})";

    /// <summary>What a value is, all of it; of an answer that is one of several, which.</summary>
    public static string Text(object? value) =>
        value is null ? "null" : (value is WorkAnswer ? value.GetType().Name : "") + JsonSerializer.Serialize(value, value.GetType());

    async Task<T> GiveAsync<T>(MethodInfo method, CancellationToken cancellation) => (T)(await Gives(method, cancellation))!;

    // What stands for the port is made at run time, and derives from it.
#pragma warning disable CA1852
    internal class Proxy : DispatchProxy
#pragma warning restore CA1852
    {
        public ListeningPort Listening { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            lock (Listening.Heard) Listening.Heard.Add(Note(targetMethod!, args!));
            var cancellation = args!.OfType<CancellationToken>().Single();
            return targetMethod!.ReturnType == typeof(Task) ? Listening.Gives(targetMethod, cancellation)
                : typeof(ListeningPort).GetMethod(nameof(GiveAsync), BindingFlags.Instance | BindingFlags.NonPublic)!
                    .MakeGenericMethod(targetMethod.ReturnType.GetGenericArguments()[0]).Invoke(Listening, [targetMethod, cancellation]);
        }
    }
}
