using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using VBackup.Calls.V1;
using VBackup.Contracts.Keys;
using VBackup.Contracts.Messages;
using Xunit;

namespace VBackup.Services.Tests.Calls;

/// <summary>Programs of different versions call each other: what is on the wire stays as it is.</summary>
public sealed class FrozenCallTests
{
    static readonly FileDescriptor[] s_files =
        [WorkReflection.Descriptor, LocationsReflection.Descriptor, KeysReflection.Descriptor, WorkersReflection.Descriptor];

    /// <summary>Each message with every field, as <see cref="FilledMessage"/> fills it, in hexadecimal.</summary>
    static readonly Dictionary<string, string> s_golden = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "golden", "calls.txt"))
        .Select(line => line.Split(' ')).ToDictionary(parts => parts[0], parts => parts[1]);

    public static TheoryData<string> Messages => [.. All.Select(message => message.Name)];

    static IEnumerable<MessageDescriptor> All => s_files.SelectMany(file => file.MessageTypes)
        .SelectMany(message => message.NestedTypes.Prepend(message));

    [Theory]
    [MemberData(nameof(Messages))]
    public void It_is_written_as_ever(string name) => Assert.Equal(s_golden.GetValueOrDefault(name),
        Convert.ToHexStringLower(FilledMessage.Of(Descriptor(name)).ToByteArray()));

    [Theory]
    [MemberData(nameof(Messages))]
    public void It_is_read_as_ever(string name) => Assert.Equal(FilledMessage.Of(Descriptor(name)),
        Descriptor(name).Parser.ParseFrom(Convert.FromHexString(s_golden[name])));

    [Fact]
    public void No_message_is_gone() => Assert.Equal(s_golden.Keys.Order(), All.Select(message => message.Name).Order());

    [Theory]
    [MemberData(nameof(Messages))]
    public void What_a_later_version_adds_is_passed_over(string name)
    {
        // Field 2000, a text; and field 2001, a number.
        byte[] added = [.. Convert.FromHexString(s_golden[name]), 0x82, 0x7D, 3, (byte)'n', (byte)'e', (byte)'w', 0x88, 0x7D, 7];
        var read = Descriptor(name).Parser.WithDiscardUnknownFields(true).ParseFrom(added);
        Assert.Equal(FilledMessage.Of(Descriptor(name)), read);
    }

    [Fact]
    public void What_an_earlier_version_does_not_say_is_not_there()
    {
        var lease = Lease.Parser.ParseFrom(Array.Empty<byte>());
        Assert.Equal(("", 0, WorkKind.Unspecified, null), (lease.Task, lease.Epoch, lease.Kind, lease.Secrets));
        Assert.Null(Location.Parser.ParseFrom(Array.Empty<byte>()).QuotaBytes);
    }

    [Fact]
    public void Calls_are_named_as_ever() => Assert.Equal(
        [
            "vbackup.v1.Work/Acquire", "vbackup.v1.Work/Report", "vbackup.v1.Work/Complete", "vbackup.v1.Work/Fail",
            "vbackup.v1.Work/GiveBack", "vbackup.v1.Work/ReportServers",
            "vbackup.v1.Locations/Create", "vbackup.v1.Locations/Change", "vbackup.v1.Locations/SetCredentials",
            "vbackup.v1.Locations/Delete",
            "vbackup.v1.ProjectKeys/Get", "vbackup.v1.ProjectKeys/Rotate", "vbackup.v1.ProjectKeys/Erase", "vbackup.v1.ProjectKeys/HandOut",
            "vbackup.v1.Enrolment/Enrol",
            "vbackup.v1.Workers/MakeToken", "vbackup.v1.Workers/List", "vbackup.v1.Workers/Drain", "vbackup.v1.Workers/Revoke",
        ], s_files.SelectMany(file => file.Services)
            .SelectMany(service => service.Methods.Select(call => $"{service.FullName}/{call.Name}")));

    [Theory]
    [InlineData(typeof(WorkKind), typeof(VBackup.Contracts.Work.WorkKind))]
    [InlineData(typeof(LocationKind), typeof(LocationKindView))]
    [InlineData(typeof(LocationState), typeof(LocationStateView))]
    [InlineData(typeof(KeyState), typeof(ProjectKeyState))]
    public void A_value_on_the_wire_is_one_more_than_the_programs(Type wire, Type program) => Assert.Equal(
        Enum.GetValues(program).Cast<Enum>().Select(value => $"{value} {Convert.ToInt32(value, CultureInfo.InvariantCulture) + 1}")
            .Prepend("Unspecified 0"),
        Enum.GetValues(wire).Cast<Enum>().Select(value => $"{value} {Convert.ToInt32(value, CultureInfo.InvariantCulture)}"));

    [Theory]
    [MemberData(nameof(Messages))]
    public void It_prints_nothing_that_opens_something(string name)
    {
        var filled = FilledMessage.Of(Descriptor(name));
        var printed = filled.ToString()!;
        Assert.All(SecretsOf(filled), secret => Assert.DoesNotContain(secret, printed, StringComparison.Ordinal));
    }

    [Fact]
    public void What_is_in_messages_and_opens_something_is_found() => Assert.Equal(
        ["Secrets.access_key", "Secrets.locked_key.wrapped", "Secrets.previous_vault_key", "Secrets.secret_key", "Secrets.vault_key"],
        SecretsOf(FilledMessage.Of(Secrets.Descriptor)).Select(secret => secret.StartsWith("Secrets", StringComparison.Ordinal) ? secret
            : ByteString.FromBase64(secret).ToStringUtf8()).Order(StringComparer.Ordinal));

    // As it would be printed.
    static IEnumerable<string> SecretsOf(IMessage message) => message.Descriptor.Fields.InDeclarationOrder().SelectMany(field =>
        ValuesOf(message, field).SelectMany(value =>
            field.GetOptions() is { DebugRedact: true } ? [value is ByteString bytes ? bytes.ToBase64() : (string)value]
            : value is IMessage inner ? SecretsOf(inner) : []));

    static IEnumerable<object> ValuesOf(IMessage message, FieldDescriptor field) => field.IsRepeated
        ? ((System.Collections.IList)field.Accessor.GetValue(message)).Cast<object>() : [field.Accessor.GetValue(message)];

    [Theory]
    [InlineData("vault_key")]
    [InlineData("previous_vault_key")]
    [InlineData("secret_key")]
    [InlineData("credential")]
    [InlineData("token")]
    public void What_is_called_a_secret_is_marked_as_one(string name) => Assert.All(
        All.SelectMany(message => message.Fields.InDeclarationOrder()).Where(field => field.Name == name),
        field => Assert.True(field.GetOptions() is { DebugRedact: true }, field.FullName));

    static MessageDescriptor Descriptor(string name) => All.Single(message => message.Name == name);
}

/// <summary>A message in which every field says something that is in no other field.</summary>
static class FilledMessage
{
    public static IMessage Of(MessageDescriptor descriptor) => Of(descriptor, descriptor.Name);

    static IMessage Of(MessageDescriptor descriptor, string path)
    {
        var message = descriptor.Parser.ParseFrom(Array.Empty<byte>());
        // Of those that exclude each other, the first.
        foreach (var field in descriptor.Fields.InFieldNumberOrder()
            .Where(field => field.RealContainingOneof is not { } one || one.Fields[0] == field))
        {
            if (field.IsRepeated) ((System.Collections.IList)field.Accessor.GetValue(message)).Add(Value(field, $"{path}.{field.Name}"));
            else field.Accessor.SetValue(message, Value(field, $"{path}.{field.Name}"));
        }
        return message;
    }

    static object Value(FieldDescriptor field, string path) => field.FieldType switch
    {
        FieldType.String => path,
        FieldType.Bytes => ByteString.CopyFromUtf8(path),
        FieldType.Bool => true,
        FieldType.Int32 => 1000 + field.FieldNumber,
        FieldType.Int64 => (1L << 40) + field.FieldNumber,
        FieldType.Enum => Enum.ToObject(field.EnumType.ClrType, 2),
        FieldType.Message when field.MessageType.Name is "Timestamp" or "Duration" => TimeOf(field.MessageType, field.FieldNumber),
        FieldType.Message when field.MessageType.File.Name.StartsWith("google/", StringComparison.Ordinal) =>
            Value(field.MessageType.Fields[1], path),
        FieldType.Message => Of(field.MessageType, path),
        _ => throw new NotSupportedException($"nothing is known of {field.FullName}"),
    };

    static IMessage TimeOf(MessageDescriptor type, int number)
    {
        var time = type.Parser.ParseFrom(Array.Empty<byte>());
        type.FindFieldByName("seconds").Accessor.SetValue(time, 1_000_000L + number);
        type.FindFieldByName("nanos").Accessor.SetValue(time, 500);
        return time;
    }
}
