using VBackup.Vault.Stores;

namespace VBackup.Vault.Tests.Simulation;

/// <summary>
/// The store as one actor has it: what there is, at once and truly. A broken rule is a view that lies to its actor, or does
/// not do what it was asked to, and so makes sound code break the rule.
/// </summary>
internal class StoreView(SimulatedWorld world, Actor actor)
{
    protected SimulatedWorld World { get; } = world;
    protected Actor Actor { get; } = actor;

    public virtual byte[]? Find(string name) => World.Find(name);

    public virtual bool Exists(string name) => Find(name) is not null;

    public virtual IEnumerable<string> Names(string prefix) => World.Names(prefix);

    public virtual void Put(string name, byte[] content) => World.Put(name, content);

    public virtual bool CreateOnce(string name, byte[] content) => World.CreateOnce(name, content);

    public virtual void Commit(IObjectWriter writer, string name) => World.Commit(writer, name);

    public virtual void Delete(string name) => World.Delete(name);

    /// <summary>A listing is wanted; others may act before its first look.</summary>
    public virtual void ListingIsWanted(string prefix) { }

    /// <summary>A listing is about to take its first look.</summary>
    public virtual void ListingBegins(string prefix) { }

    /// <summary>A listing has taken its last look.</summary>
    public virtual void ListingEnds(string prefix) { }

    /// <summary>A put is on its way, and may fail.</summary>
    public virtual void PutBegins(string name) { }

    /// <summary>A large object's put was reported as failed.</summary>
    public virtual void PutFailed(string name) { }

    /// <summary>What an object seems to be to somebody who reads its end.</summary>
    public virtual byte[]? FindTail(string name) => Find(name);
}
