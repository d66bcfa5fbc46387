using MimeKit;
using VBackup.Contracts.Ids;

namespace VBackup.Portal.Policies;

/// <summary>Who is told how runs of a policy's servers ended. At least one of the two ends, and one recipient or webhook, is
/// given.</summary>
/// <param name="OnFailure">Of every run that ended without its result; also that a server is gone, or its location damaged.</param>
/// <param name="Recipients">E-mail addresses.</param>
/// <param name="Webhooks">Of the policy's project.</param>
public sealed record NotificationRule(
    bool OnSuccess = false, bool OnFailure = false, IReadOnlyList<string>? Recipients = null, IReadOnlyList<WebhookId>? Webhooks = null)
{
    /// <summary>The most recipients, and the most webhooks, of one policy.</summary>
    public const int RecipientsMax = 20;

    const int AddressLengthMax = 254;

    internal IEnumerable<PolicyFault> Faults()
    {
        const string field = "notification";
        if (!OnSuccess && !OnFailure) yield return new(field, "tells nothing: set onSuccess, onFailure or both");
        var (recipients, webhooks) = (Recipients ?? [], Webhooks ?? []);
        if (recipients.Count + webhooks.Count == 0) yield return new(field, "tells nobody: give recipients or webhooks");
        if (recipients.Count > RecipientsMax)
            yield return new($"{field}.recipients", $"has {recipients.Count}; it takes {RecipientsMax} at most");
        if (webhooks.Count > RecipientsMax)
            yield return new($"{field}.webhooks", $"has {webhooks.Count}; it takes {RecipientsMax} at most");
        foreach (var wrong in recipients.Where(one => !IsAddress(one)).Take(1))
            yield return new($"{field}.recipients", $"has '{wrong}', which is no e-mail address such as ops@example.org");
        if (recipients.Distinct(StringComparer.OrdinalIgnoreCase).Count() != recipients.Count)
            yield return new($"{field}.recipients", "names an address twice");
        if (webhooks.Distinct().Count() != webhooks.Count) yield return new($"{field}.webhooks", "names a webhook twice");
    }

    /// <summary>The address alone, without a name beside it.</summary>
    public static bool IsAddress(string? text) => text is { Length: > 0 and <= AddressLengthMax } && !text.Any(char.IsControl)
        && MailboxAddress.TryParse(text, out var parsed) && parsed.Address == text && text.IndexOf('@', StringComparison.Ordinal) > 0;
}
