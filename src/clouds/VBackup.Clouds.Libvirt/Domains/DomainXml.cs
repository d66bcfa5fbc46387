using System.Xml;
using System.Xml.Linq;

namespace VBackup.Clouds.Libvirt.Domains;

/// <summary>Reads a domain's XML, which may come from outside: bounded, without document types, without external
/// entities.</summary>
internal static class DomainXml
{
    /// <summary>The largest description we have seen, of a server with hundreds of devices, had a tenth of
    /// this.</summary>
    public const int LengthCharactersMax = 1024 * 1024;

    /// <summary>libvirt's own nest about 10 deep.</summary>
    public const int DepthMax = 64;

    /// <param name="subject">Whose description it is, for the message.</param>
    /// <exception cref="CloudException">It is no description of a domain.</exception>
    public static XElement Parse(string xml, string subject) => Parse(xml, subject, "domain");

    /// <param name="subject">Whose description it is, for the message.</param>
    /// <param name="kind">What it describes, as its root is called.</param>
    /// <exception cref="CloudException">It is no such description.</exception>
    public static XElement Parse(string xml, string subject, string kind)
    {
        if (xml.Length > LengthCharactersMax)
            throw Refused(subject, $"it has {xml.Length} characters, more than {LengthCharactersMax}");
        try
        {
            // Looked through first: what nests deep takes the time of its square to load.
            using (var reader = Open(xml))
            {
                while (reader.Read())
                    if (reader.Depth > DepthMax) throw Refused(subject, $"its elements nest more than {DepthMax} deep");
            }
            using var loading = Open(xml);
            var root = XDocument.Load(loading).Root!;
            if (root.Name != kind) throw Refused(subject, $"its root is <{root.Name.LocalName}>, not <{kind}>");
            return root;
        }
        catch (XmlException failure)
        {
            throw new CloudException(CloudFailure.Other, "read the domain's XML", subject, failure.Message, failure);
        }
    }

    private static XmlReader Open(string xml) => XmlReader.Create(new StringReader(xml), new XmlReaderSettings
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        MaxCharactersInDocument = LengthCharactersMax,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
        IgnoreWhitespace = true,
    });

    public static CloudException Refused(string subject, string reason) =>
        new(CloudFailure.Other, "read the domain's XML", subject, reason);
}
