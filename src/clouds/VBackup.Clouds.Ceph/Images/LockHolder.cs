using System.Text;

namespace VBackup.Clouds.Ceph.Images;

/// <summary>Who holds a lock: an image's exclusive lock, the mark that writers of ours leave where there is none, or an image's
/// group.</summary>
internal sealed unsafe record LockHolder(string Client, string Cookie, string Address)
{
    /// <summary>Both libraries list holders in the same way.</summary>
    public delegate nint Listing(byte* tag, ref nuint tagSize, byte* clients, ref nuint clientsSize, byte* cookies, ref nuint cookiesSize,
        byte* addresses, ref nuint addressesSize);

    public static List<LockHolder> Listed(Listing list, string call, string subject)
    {
        const int Room = 4096;
        byte* tag = stackalloc byte[Room], clients = stackalloc byte[Room], cookies = stackalloc byte[Room];
        var addresses = stackalloc byte[Room];
        nuint tagSize = Room, clientsSize = Room, cookiesSize = Room, addressesSize = Room;
        var count = list(tag, ref tagSize, clients, ref clientsSize, cookies, ref cookiesSize, addresses, ref addressesSize);
        CephFailure.Check((int)count, call, subject);
        var holders = new List<LockHolder>();
        for (nint i = 0; i < count; i++)
            holders.Add(new(Next(ref clients), Next(ref cookies), Next(ref addresses)));
        return holders;

        static string Next(ref byte* texts)
        {
            var text = RbdImage.Text(texts);
            texts += Encoding.UTF8.GetByteCount(text) + 1;
            return text;
        }
    }
}
