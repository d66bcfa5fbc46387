using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using VBackup.Contracts.Ids;
using VBackup.Platform.Databases;
using VBackup.Platform.Secrets;

namespace VBackup.Portal.Notifications;

/// <summary>Makes the secrets of webhooks, keeps them under the master key, and signs with them. Thread-safe.</summary>
public sealed class WebhookSecrets(MasterKey master)
{
    const string Purpose = "webhook secret", Prefix = "vbwh_", SignatureVersion = "v1=";
    const int Size = 32;

    /// <returns>The secret, which is told once, and what is kept of it.</returns>
    internal (string Text, byte[] Wrapped) New(WebhookId webhook)
    {
        var text = Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(Size));
        return (text, master.Wrap(Encoding.UTF8.GetBytes(text), Purpose, webhook.ToString()));
    }

    /// <summary>HMAC-SHA256, under the secret as it was told, of the seconds, a full stop and the body: whoever repeats an old request
    /// cannot make it look new.</summary>
    internal string Sign(WebhookId webhook, byte[] wrapped, long unixSeconds, string body)
    {
        var secret = master.Unwrap(wrapped, Purpose, webhook.ToString());
        try
        {
            var signed = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{unixSeconds}.{body}"));
            return SignatureVersion + Convert.ToHexStringLower(HMACSHA256.HashData(secret, signed));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>Keeps all of them under another master key. This may be done again.</summary>
    /// <returns>How many there are.</returns>
    /// <exception cref="WrongMasterKeyException">One of them opens with neither.</exception>
    public static async Task<int> ChangeMasterKeyAsync(Change<PortalDb> change, MasterKey old, MasterKey next,
        CancellationToken cancellation)
    {
        var webhooks = await change.Db.Webhooks.ToListAsync(cancellation).ConfigureAwait(false);
        foreach (var webhook in webhooks.Where(one => one.HasSecret))
        {
            var owner = webhook.Id.ToString();
            webhook.IsWrappedAnew(Rewrapping.Anew(webhook.WrappedSecret, one => old.Unwrap(one, Purpose, owner),
                one => next.Unwrap(one, Purpose, owner), one => next.Wrap(one, Purpose, owner)));
        }
        return webhooks.Count;
    }
}
