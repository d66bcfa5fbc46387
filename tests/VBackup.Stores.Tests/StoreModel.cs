using System.Globalization;
using CsCheck;
using Xunit;

namespace VBackup.Vault.Stores.Tests;

/// <summary>Runs random operations on a store and on a dictionary, and compares what they answer.</summary>
static class StoreModel
{
    static readonly string[] Names = ["a", "a-b/c", "a.b", "b/c", "b/c.d", "b/d/e", "c"];

    enum Step { Put, CreateOnce, Commit, Discard, Delete, Get, Read, ReadTail, Exists, List }

    static readonly Gen<(Step Step, int Name, int Length, int Offset)[]> Sequences =
        Gen.Select(Gen.Enum<Step>(), Gen.Int[0, Names.Length - 1], Gen.Int[0, 300], Gen.Int[0, 300]).Array[1, 40];

    public static Task CheckAsync(IObjectStore store, int runs)
    {
        int run = 0;
        // One thread, so that a seed replays; each run has its own prefix, so that a store need not be emptied.
        return Sequences.SampleAsync(steps => RunAsync(store,
            string.Create(CultureInfo.InvariantCulture, $"run{Interlocked.Increment(ref run)}/"), steps),
            iter: runs, threads: 1);
    }

    static async Task RunAsync(IObjectStore store, string prefix, (Step Step, int Name, int Length, int Offset)[] steps)
    {
        var model = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        var none = CancellationToken.None;
        for (int i = 0; i < steps.Length; i++)
        {
            var (step, nameIndex, length, offset) = steps[i];
            string name = prefix + Names[nameIndex];
            // Content says which step made it, so that no two are alike.
            byte[] content = [.. BitConverter.GetBytes(i), .. new byte[length]];
            byte[]? expected = model.GetValueOrDefault(name);
            switch (step)
            {
                case Step.Put:
                    await store.PutAsync(name, content, none);
                    model[name] = content;
                    break;
                case Step.CreateOnce:
                    Assert.Equal(model.TryAdd(name, content), await store.CreateOnceAsync(name, content, none));
                    break;
                case Step.Commit or Step.Discard:
                    await using (var writer = await store.OpenWriterAsync(name, none))
                    {
                        await writer.AppendAsync(content.AsMemory(0, content.Length / 2), none);
                        await writer.AppendAsync(content.AsMemory(content.Length / 2), none);
                        if (step == Step.Commit)
                        {
                            await writer.CommitAsync(none);
                            model[name] = content;
                        }
                    }
                    break;
                case Step.Delete:
                    await store.DeleteAsync(name, none);
                    model.Remove(name);
                    break;
                case Step.Get:
                    await Compare(expected, expected, () => store.GetAsync(name, 1000, none));
                    break;
                case Step.Read:
                    await Compare(expected, expected?.Skip(offset).Take(length), async () =>
                    {
                        byte[] buffer = new byte[length];
                        return buffer[..await store.ReadAsync(name, offset, buffer, none)];
                    });
                    break;
                case Step.ReadTail:
                    await Compare(expected, expected?.TakeLast(length), async () =>
                    {
                        byte[] buffer = new byte[length];
                        var (read, objectLength) = await store.ReadTailAsync(name, buffer, none);
                        Assert.Equal(expected!.Length, objectLength);
                        return buffer[..read];
                    });
                    break;
                case Step.Exists:
                    Assert.Equal(expected is not null, await store.ExistsAsync(name, none));
                    break;
                case Step.List:
                    List<ObjectEntry> listed = [];
                    await foreach (var entry in store.ListAsync(prefix, none))
                        listed.Add(entry);
                    Assert.Equal(model.Select(o => new ObjectEntry(o.Key, o.Value.Length)), listed);
                    break;
            }
        }
    }

    static async Task Compare(byte[]? existing, IEnumerable<byte>? expected, Func<Task<byte[]>> read)
    {
        if (existing is not null)
            Assert.Equal(expected, await read());
        else
            Assert.Equal(StoreFailure.NotFound, (await Assert.ThrowsAsync<StoreException>(read)).Failure);
    }
}
