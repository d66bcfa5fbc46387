using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VBackup.Primitives;

namespace VBackup.Vault.Format;

/// <summary>Small objects (points, sessions, …): sealed whole, bound to their name.</summary>
public static class SealedDocument
{
    /// <summary>Seals <paramref name="content"/> under a fresh object id.</summary>
    public static byte[] Seal(VaultKeys keys, ObjectKind kind, string objectName, ReadOnlySpan<byte> content)
    {
        var sealedBytes = new byte[ObjectHeader.Size + content.Length + FormatLimits.TagSize];
        var id = ObjectId.New();
        ObjectHeader.Write(sealedBytes, kind, id);
        using var cipher = new ObjectCipher(keys, kind, id);
        var associated = Associated(keys, sealedBytes.AsSpan(0, ObjectHeader.Size), objectName);
        cipher.Seal(0, associated, content, sealedBytes.AsSpan(ObjectHeader.Size));
        return sealedBytes;
    }

    /// <summary>Opens a small object.</summary>
    /// <exception cref="DamageException">It is not what was stored under this name.</exception>
    public static byte[] Open(VaultKeys keys, ObjectKind kind, string objectName, ReadOnlySpan<byte> sealedBytes)
    {
        var id = ObjectHeader.Read(sealedBytes, kind, objectName);
        if (sealedBytes.Length < ObjectHeader.Size + FormatLimits.TagSize)
            throw new DamageException(objectName, "is cut short");
        var content = new byte[sealedBytes.Length - ObjectHeader.Size - FormatLimits.TagSize];
        using var cipher = new ObjectCipher(keys, kind, id);
        var associated = Associated(keys, sealedBytes[..ObjectHeader.Size], objectName);
        if (!cipher.TryOpen(0, associated, sealedBytes[ObjectHeader.Size..], content))
            throw new DamageException(objectName, "is not what was stored: its seal is broken");
        return content;
    }

    /// <summary>Seals <paramref name="document"/> as JSON.</summary>
    public static byte[] SealJson<T>(VaultKeys keys, ObjectKind kind, string objectName, T document, JsonTypeInfo<T> type) =>
        Seal(keys, kind, objectName, JsonSerializer.SerializeToUtf8Bytes(document, type));

    /// <summary>Opens a small object that holds JSON.</summary>
    /// <exception cref="DamageException">It is not what was stored, or not of this shape.</exception>
    public static T OpenJson<T>(
        VaultKeys keys, ObjectKind kind, string objectName, ReadOnlySpan<byte> sealedBytes, JsonTypeInfo<T> type)
    {
        var content = Open(keys, kind, objectName, sealedBytes);
        try
        {
            return JsonSerializer.Deserialize(content, type)
                ?? throw new DamageException(objectName, "holds no document");
        }
        catch (JsonException cause)
        {
            throw new DamageException(objectName, $"holds a document of another shape: {cause.Message}", cause);
        }
    }

    private static byte[] Associated(VaultKeys keys, ReadOnlySpan<byte> header, string objectName)
    {
        var associated = new byte[VaultId.Size + ObjectHeader.Size + Encoding.UTF8.GetByteCount(objectName)];
        keys.VaultId.Write(associated);
        header.CopyTo(associated.AsSpan(VaultId.Size));
        Encoding.UTF8.GetBytes(objectName, associated.AsSpan(VaultId.Size + ObjectHeader.Size));
        return associated;
    }
}
