using System.Security.Cryptography;

namespace VBackup.Platform.Secrets;

/// <summary>Takes a secret from under one master key under another. What is under the other already stays as it is, so that a change that
/// was broken off is made again.</summary>
public static class Rewrapping
{
    /// <param name="unwrapOld">Opens what is under the key before.</param>
    /// <param name="unwrapNext">Opens what is under the key to come.</param>
    /// <param name="wrap">Wraps under the key to come.</param>
    /// <exception cref="WrongMasterKeyException">It opens with neither.</exception>
    public static byte[] Anew(byte[] wrapped, Func<byte[], byte[]> unwrapOld, Func<byte[], byte[]> unwrapNext, Func<byte[], byte[]> wrap)
    {
        byte[] secret;
        try
        {
            secret = unwrapOld(wrapped);
        }
        catch (WrongMasterKeyException)
        {
            // An attempt before this one came so far.
            CryptographicOperations.ZeroMemory(unwrapNext(wrapped));
            return wrapped;
        }
        try
        {
            return wrap(secret);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }
}
