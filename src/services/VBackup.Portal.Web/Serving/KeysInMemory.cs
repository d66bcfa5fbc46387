using System.Collections.Concurrent;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace VBackup.Portal.Web.Serving;

/// <summary>Keys that end with the process. The framework's own would be made in the user's home at every start, also where nothing uses
/// them.</summary>
sealed class KeysInMemory : IXmlRepository
{
    readonly ConcurrentQueue<XElement> _keys = [];

    public IReadOnlyCollection<XElement> GetAllElements() => [.. _keys.Select(key => new XElement(key))];

    public void StoreElement(XElement element, string friendlyName) => _keys.Enqueue(new(element));
}
