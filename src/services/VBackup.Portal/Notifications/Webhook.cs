using VBackup.Contracts.Ids;

namespace VBackup.Portal.Notifications;

/// <summary>An address of a project's that is told what happens, by a POST that it can tell from others' by a secret.</summary>
public sealed class Webhook
{
    Webhook() { }

    public Webhook(WebhookId id, ProjectId project, string name, string url, byte[] wrappedSecret, DateTimeOffset now) =>
        (Id, Project, Name, Url, WrappedSecret, CreatedAt) = (id, project, name, url, wrappedSecret, now);

    /// <summary>One of a system that was lost, whose secret nobody has any more.</summary>
    public static Webhook Recovered(WebhookId id, ProjectId project, string name, string url, DateTimeOffset now) =>
        new(id, project, name, url, wrappedSecret: [], now);

    public WebhookId Id { get; private set; }
    public ProjectId Project { get; private set; }
    public string Name { get; private set; } = "";
    public string Url { get; private set; } = "";

    /// <summary>Under the master key; empty when it has none.</summary>
    public byte[] WrappedSecret { get; private set; } = [];

    /// <summary>Without, nothing is sent: the receiver could not tell whom it is from.</summary>
    public bool HasSecret => WrappedSecret.Length > 0;
    public DateTimeOffset CreatedAt { get; private set; }

    /// <summary>What was signed by the one before is not signed so any more, when it is tried again.</summary>
    public void GetsSecret(byte[] wrapped) => WrappedSecret = wrapped;

    /// <summary>The master key has changed; the secret has not.</summary>
    public void IsWrappedAnew(byte[] wrapped) => WrappedSecret = wrapped;
}
