using VBackup.Contracts.Ids;
using VBackup.Contracts.Keys;

namespace VBackup.Portal.Tests.World;

/// <summary>What the vBackup service would answer about keys, without one.</summary>
sealed class WorldKeys : IProjectKeys
{
    static readonly DateTimeOffset s_made = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    readonly Dictionary<ProjectId, ProjectKeyView> _keys = [];

    /// <summary>Answers with this in place of what it would do.</summary>
    public ProjectKeyAnswer? Refusal { get; set; }

    public void Make(ProjectId project) => _keys[project] = new(1, ProjectKeyState.Ready, s_made, null, null, []);

    public Task<ProjectKeyView> GetAsync(ProjectId project, CancellationToken cancellation) =>
        Task.FromResult(_keys.GetValueOrDefault(project) ?? new(0, ProjectKeyState.None, null, null, null, []));

    public Task<ProjectKeyAnswer> RotateAsync(ProjectId project, int number, CancellationToken cancellation) =>
        ChangeAsync(project, key => key.Number == number ? key with { Number = number + 1, State = ProjectKeyState.Rotating } : key);

    public Task<ProjectKeyAnswer> EraseAsync(ProjectId project, CancellationToken cancellation) =>
        ChangeAsync(project, key => key with { State = ProjectKeyState.Erased, ErasedAt = s_made });

    public async Task<HandedOutKey> HandOutAsync(ProjectId project, CancellationToken cancellation)
    {
        var answer = await ChangeAsync(project, key => key with { HandedOutAt = s_made });
        return new(answer, answer.Key is null ? null : "VBK1-OF-A-TEST");
    }

    Task<ProjectKeyAnswer> ChangeAsync(ProjectId project, Func<ProjectKeyView, ProjectKeyView> change) =>
        Task.FromResult(Refusal ?? (_keys.TryGetValue(project, out var key) ? new(_keys[project] = change(key)) : new(
            null, "no-key", "the project has no key yet")));
}
