using VBackup.Contracts.Ids;

namespace VBackup.Portal.Identity;

/// <summary>Somebody who signs in. What he may do is said by his memberships, a project each.</summary>
public sealed class User
{
    public const string FirstAdministrator = "admin";

    User() { }

    /// <param name="passwordHash">Of a password that he was given, and has to change at first.</param>
    public User(UserId id, string name, string passwordHash, bool isAdministrator, DateTimeOffset now)
    {
        (Id, Name, IsAdministrator, CreatedAt, Version) = (id, name, isAdministrator, now, 1);
        (PasswordHash, MustChangePassword) = (passwordHash, true);
    }

    public UserId Id { get; private set; }
    public long Version { get; private set; }

    /// <summary>Unique.</summary>
    public string Name { get; private set; } = "";
    public string PasswordHash { get; private set; } = "";

    /// <summary>The password is known to whoever gave it to him, so it opens nothing but the way to another.</summary>
    public bool MustChangePassword { get; private set; }
    public bool IsDisabled { get; private set; }

    /// <summary>Manages projects and users, and access in every project.</summary>
    public bool IsAdministrator { get; private set; }
    public DateTimeOffset CreatedAt { get; private set; }

    public void ChoosePassword(string hash) => (PasswordHash, MustChangePassword, Version) = (hash, false, Version + 1);

    public void GivePassword(string hash) => (PasswordHash, MustChangePassword, Version) = (hash, true, Version + 1);

    public void Update(bool isDisabled, bool isAdministrator) =>
        (IsDisabled, IsAdministrator, Version) = (isDisabled, isAdministrator, Version + 1);
}
