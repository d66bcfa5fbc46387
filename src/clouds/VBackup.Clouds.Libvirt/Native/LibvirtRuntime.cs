namespace VBackup.Clouds.Libvirt.Native;

/// <summary>What libvirt needs once in a process.</summary>
internal static class LibvirtRuntime
{
    // libvirt keeps the pointer: the delegate must live as long as the process.
    private static readonly LibvirtLibrary.ErrorHandler s_silence = static (_, _) => { };
    private static readonly Lazy<bool> s_started = new(Start);

    /// <summary>REQUIRES: called before any connection is opened.</summary>
    public static void EnsureStarted() => _ = s_started.Value;

    private static bool Start()
    {
        if (LibvirtLibrary.virInitialize() < 0) throw LibvirtError.Last("start libvirt", "libvirt");
        // By default libvirt prints every error to standard error. We throw them.
        LibvirtLibrary.virSetErrorFunc(0, s_silence);
        // Keep-alive messages need an event loop. With them a dead libvirtd ends the calls that wait for it.
        if (LibvirtLibrary.virEventRegisterDefaultImpl() < 0) throw LibvirtError.Last("start libvirt's event loop", "libvirt");
        new Thread(static () =>
        {
            while (LibvirtLibrary.virEventRunDefaultImpl() >= 0) { }
        })
        { IsBackground = true, Name = "libvirt events" }.Start();
        return true;
    }
}
