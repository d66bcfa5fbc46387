using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Npgsql;
using VBackup.Contracts.Limits;

namespace VBackup.Platform.Databases;

/// <summary>Where a service's database is, on PostgreSQL. Each service has a schema of its own, in a database of its own or beside the
/// others', and a user of its own where they are to be kept apart.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed partial record PostgresSettings
{
    const int PasswordLengthMax = 1024, ConnectionsMin = 5, ConnectionsLimit = 1000, AliveEverySeconds = 30;

    /// <summary>After that, a process that has stopped in the midst of a change has lost it, and others go on.</summary>
    const string StandstillMax = "-c idle_in_transaction_session_timeout=60000";

    /// <summary>A name or an address; or the full path of the folder of a Unix socket.</summary>
    public string? Host { get; init; }
    public int Port { get; init; } = 5432;
    public string? Database { get; init; }

    /// <summary>Of the service's tables.</summary>
    public string? Schema { get; init; }
    public string? User { get; init; }

    /// <summary>Its one line is the password. It is read again for each new connection, so a new password needs no new start. Null where
    /// the server knows the user without one.</summary>
    public string? PasswordFile { get; init; }

    /// <summary>Whether the server has to show a certificate of its own name, by somebody who may vouch for it. Null: yes, but on this
    /// machine.</summary>
    public bool? Tls { get; init; }

    /// <summary>Certificates (PEM) of those who may vouch for the server, in place of the ones that this machine trusts.</summary>
    public string? CaFile { get; init; }

    /// <summary>That one process has at once.</summary>
    public int ConnectionsMax { get; init; } = 20;

    /// <summary>For people: no secret is in it.</summary>
    [JsonIgnore]
    public string Name => $"the schema {Schema} of the database {Database} at {Host}:{Port}";

    bool IsSocket => Host is ['/', ..];

    bool IsOnThisMachine => Host is not null && (IsSocket || NetworkAddress.IsThisMachine(Host));

    bool HasTls => Tls ?? !IsOnThisMachine;

    /// <summary>What is wrong with them: a line each, which names the setting.</summary>
    /// <param name="section">In which they are.</param>
    public IEnumerable<string> Faults(string section)
    {
        if (string.IsNullOrEmpty(Host)) yield return $"{section}:Host: is needed: where the PostgreSQL server is";
        else if (!IsSocket && Uri.CheckHostName(Host) == UriHostNameType.Unknown)
            yield return $"{section}:Host: is '{Host}'; it is one name or address, without a port, or the full path of a socket's folder";
        else if (!HasTls && !IsOnThisMachine)
            yield return $"{section}:Tls: is false; without TLS the server is on this machine only (localhost, 127.0.0.1, ::1, a socket): "
                + $"to {Host} it is true";
        else if (HasTls && IsSocket) yield return $"{section}:Tls: is true, and there is no TLS on a Unix socket: leave it out";
        if (Port is < 1 or > ushort.MaxValue) yield return $"{section}:Port: is {Port}; it is 1 to {ushort.MaxValue}";
        foreach (var (name, value) in ((string, string?)[])[("Database", Database), ("Schema", Schema), ("User", User)])
            if (value is null) yield return $"{section}:{name}: is needed";
            else if (!IdentifierText().IsMatch(value))
                yield return $"{section}:{name}: is '{value}'; it is up to 63 of a-z, 0-9 and _, and begins with a letter";
        if (Schema is { } schema && schema.StartsWith("pg_", StringComparison.Ordinal))
            yield return $"{section}:Schema: is '{schema}'; names that begin with pg_ are PostgreSQL's own";
        foreach (var (name, file) in ((string, string?)[])[("PasswordFile", PasswordFile), ("CaFile", CaFile)])
            if (file is not null && !File.Exists(file)) yield return $"{section}:{name}: there is no file {file}";
        if (CaFile is not null && !HasTls) yield return $"{section}:CaFile: is of use only where {section}:Tls is true";
        if (ConnectionsMax is < ConnectionsMin or > ConnectionsLimit)
            yield return $"{section}:ConnectionsMax: is {ConnectionsMax}; it is {ConnectionsMin} to {ConnectionsLimit}";
    }

    /// <summary>REQUIRES: nothing is wrong with them.</summary>
    internal NpgsqlDataSource Open()
    {
        var connection = new NpgsqlConnectionStringBuilder
        {
            Host = Host,
            Port = Port,
            Database = Database,
            Username = User,
            SearchPath = Schema,
            SslMode = HasTls ? SslMode.VerifyFull : SslMode.Disable,
            GssEncryptionMode = GssEncryptionMode.Disable,
            MaxPoolSize = ConnectionsMax,
            Options = StandstillMax,
            TcpKeepAlive = true,
            KeepAlive = AliveEverySeconds,
            ApplicationName = $"vbackup {Schema}",
        };
        if (CaFile is not null) connection.RootCertificate = CaFile;
        var source = new NpgsqlDataSourceBuilder(connection.ToString());
        if (PasswordFile is { } file)
            source.UsePasswordProvider(_ => ReadPassword(file), (_, _) => ValueTask.FromResult(ReadPassword(file)));
        return source.Build();
    }

    static string ReadPassword(string file)
    {
        using var reader = new StreamReader(file);
        Span<char> text = stackalloc char[PasswordLengthMax + 1];
        var length = reader.ReadBlock(text);
        var password = text[..length].TrimEnd("\r\n");
        if (password.Length is 0 or > PasswordLengthMax || password.ContainsAny('\r', '\n'))
            throw new InvalidDataException($"{file} is to have one line with a password, of {PasswordLengthMax} characters at most");
        return password.ToString();
    }

    [GeneratedRegex(@"^[a-z][a-z0-9_]{0,62}\z", RegexOptions.CultureInvariant)]
    private static partial Regex IdentifierText();
}
