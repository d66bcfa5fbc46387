using System.Xml;
using System.Xml.Linq;

namespace VBackup.Clouds.Libvirt.Domains;

/// <summary>Reads a domain's XML, which may come from outside: bounded, without document types, without external entities.</summary>
internal static class DomainXml
{
    /// <summary>The largest description we have seen, of a server with hundreds of devices, had a tenth of this.</summary>
    public const int LengthCharactersMax = 1024 * 1024;

    /// <summary>libvirt's own nest about 10 deep.</summary>
    public const int DepthMax = 64;

    /// <param name="subject">Whose description it is, for the message.</param>
    /// <exception cref="CloudException">It is no description of a domain.</exception>
    public static XElement Parse(string xml, string subject)
    {
        if (xml.Length > LengthCharactersMax)
            throw Refused(subject, $"it has {xml.Length} characters, more than {LengthCharactersMax}");
        try
        {
            using var reader = XmlReader.Create(new StringReader(xml), new XmlReaderSettings
            {
                DtdProcessing = DtdProcessing.Prohibit,
                XmlResolver = null,
                MaxCharactersInDocument = LengthCharactersMax,
                IgnoreComments = true,
                IgnoreProcessingInstructions = true,
                IgnoreWhitespace = true,
            });
            var root = XDocument.Load(reader).Root!;
            if (Depth(root) > DepthMax) throw Refused(subject, $"its elements nest more than {DepthMax} deep");
            if (root.Name != "domain") throw Refused(subject, $"its root is <{root.Name.LocalName}>, not <domain>");
            return root;
        }
        catch (XmlException failure)
        {
            throw new CloudException(CloudFailure.Other, "read the domain's XML", subject, failure.Message, failure);
        }
    }

    // Not recursive: what nests too deep would end the process.
    private static int Depth(XElement root)
    {
        int depth = 1, deepest = 1;
        for (var element = root; ;)
        {
            if (element.Elements().FirstOrDefault() is { } child)
            {
                element = child;
                deepest = Math.Max(deepest, ++depth);
                continue;
            }
            while (element != root && !element.ElementsAfterSelf().Any())
            {
                element = element.Parent!;
                depth--;
            }
            if (element == root) return deepest;
            element = element.ElementsAfterSelf().First();
        }
    }

    public static CloudException Refused(string subject, string reason) =>
        new(CloudFailure.Other, "read the domain's XML", subject, reason);
}
