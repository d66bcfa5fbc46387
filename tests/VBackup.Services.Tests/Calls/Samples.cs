using System.Reflection;
using VBackup.Contracts.Ids;
using VBackup.Contracts.Work;
using VBackup.Primitives;

namespace VBackup.Services.Tests.Calls;

/// <summary>Values of any type that a port takes or gives, made of a seed. What may be absent is so in half of them.</summary>
sealed class Samples(int seed)
{
    /// <summary>Whoever calls is always this worker.</summary>
    public static readonly WorkerId Worker = WorkerId.From(Guid.Parse("00000009-0000-7000-8000-000000000000"));

    readonly Random _random = new(seed);

    public object? Make(ParameterInfo parameter) =>
        new NullabilityInfoContext().Create(parameter).WriteState == NullabilityState.Nullable && _random.Next(2) == 0
            ? null : Make(parameter.ParameterType);

    /// <summary>What a call gives: of a task, its value.</summary>
    /// <returns>Null for nothing.</returns>
    public object? MakeResult(MethodInfo method)
    {
        if (method.ReturnType == typeof(Task)) return null;
        var given = new NullabilityInfoContext().Create(method.ReturnParameter).GenericTypeArguments[0];
        return given.ReadState == NullabilityState.Nullable && _random.Next(2) == 0 ? null : Make(given.Type);
    }

    object Make(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner) return Make(inner);
        if (type == typeof(string)) return $"ünë \"marked\" {_random.Next()}";
        if (type == typeof(int)) return _random.Next(int.MinValue, int.MaxValue);
        if (type == typeof(long)) return _random.NextInt64(long.MinValue, long.MaxValue);
        if (type == typeof(bool)) return _random.Next(2) == 0;
        if (type == typeof(byte[]))
        {
            var bytes = new byte[32];
            _random.NextBytes(bytes);
            return bytes;
        }
        if (type == typeof(TimeSpan)) return TimeSpan.FromTicks(_random.NextInt64(TimeSpan.TicksPerDay));
        if (type == typeof(DateTimeOffset))
            return new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero) + (TimeSpan)Make(typeof(TimeSpan));
        if (type == typeof(WorkerId)) return Worker;
        if (type.GetInterfaces().Any(one => one.IsGenericType && one.GetGenericTypeDefinition() == typeof(IUniqueId<>)))
            return type.GetMethod("From")!.Invoke(null, [new Guid(_random.Next(1, int.MaxValue), 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 0)])!;
        if (type.IsEnum) return Enum.GetValuesAsUnderlyingType(type) is { Length: > 0 } all
            ? Enum.ToObject(type, all.GetValue(_random.Next(all.Length))!) : throw new NotSupportedException(type.Name);
        if (type == typeof(WorkAnswer)) return Make(type.GetNestedTypes()[_random.Next(type.GetNestedTypes().Length)]);
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
            return MakeList(type.GetGenericArguments()[0]);
        var constructor = type.GetConstructors().MaxBy(one => one.GetParameters().Length)
            ?? throw new NotSupportedException($"nobody makes a {type}");
        return constructor.Invoke([.. constructor.GetParameters().Select(Make)]);
    }

    Array MakeList(Type element)
    {
        var list = Array.CreateInstance(element, _random.Next(4));
        for (var i = 0; i < list.Length; i++) list.SetValue(Make(element), i);
        return list;
    }
}
