#!/usr/bin/python3
"""Reads a vault, written from docs/vault-format.md alone: it shares no code with VBackup, so that the page stays true.

  read_vault.py list    VAULT_DIR --key-file FILE
  read_vault.py restore VAULT_DIR --key-file FILE POINT VOLUME OUT_FILE

A recovery key goes into --key-file too; --passphrase-file takes a passphrase (one newline at its end is dropped).
Exit codes: 0 done; 1 cannot be done (wrong key, no such point, bad arguments); 3 the vault is damaged.
It puts no session into the vault, so nothing keeps a collector from deleting what it reads: use it on a quiet vault.
"""
import argparse, base64, bisect, collections, ctypes, functools
import hashlib, hmac, io, json, os, re, struct, subprocess, sys
try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    sys.exit("error: the Python package 'cryptography' is missing (Debian: python3-cryptography)")
try:
    import zstandard
except ImportError:
    zstandard = None  # the program zstd does as well

PACK, INDEX, POINT, DECISION = 1, 2, 3, 6
FOOTER_COUNTER = 0xFFFFFFFF
ENTRIES_PER_BLOCK, ENTRY = 512, 44
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

class Refused(Exception): """What was asked cannot be done; the vault may be fine. Exit code 1."""
class Damage(Exception): """The vault does not hold what it should. Exit code 3."""

def mac(key, data): return hmac.digest(key, data, "sha256")
def hkdf(key, salt, info): return mac(mac(salt, key), info + b"\x01")  # 32 bytes are one round of HKDF's expansion

def unseal(key, counter, sealed, associated):
    try:
        return AESGCM(key).decrypt(struct.pack("<I8x", counter), sealed, associated)
    except (InvalidTag, ValueError):
        raise Damage("does not decrypt") from None

def unzstd(frame, length):
    if not zstandard:  # when this fails the content has the wrong length, which is noticed
        return subprocess.run(["zstd", "-dcq"], input=frame, capture_output=True).stdout
    try:
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(frame)).read(length + 1)
    except zstandard.ZstdError:
        raise Damage("is not a Zstandard frame") from None

# ---- keys -----------------------------------------------------------------------------------------------------------

def parse_key(text):
    text = text.strip().upper().translate(str.maketrans("ILO", "110"))
    if not re.fullmatch(f"VBK1(-[{BASE32}]{{4}}){{14}}", text):
        raise Refused("the key is not VBK1- and 14 groups of 4 characters")
    bits = "".join(f"{BASE32.index(c):05b}" for c in text[5:].replace("-", ""))  # 256 of key, 4 zero, 20 of check
    key = int(bits[:256], 2).to_bytes(32, "big")
    check = int.from_bytes(hashlib.sha256(b"vbackup key v1" + key).digest(), "big") >> 236
    if bits[256:] != f"0000{check:020b}": raise Refused("the key is mistyped: its check characters do not fit")
    return key

def argon2id(passphrase, p):
    salt, lanes, iterations, memory = base64.b64decode(p["salt"]), p["lanes"], p["iterations"], p["memoryKiB"]
    if not (1 <= lanes <= 16 and 1 <= iterations <= 64 and 8 * lanes <= memory <= 1 << 20):
        raise ValueError("more than a reader may be made to spend")
    try:
        from argon2.low_level import hash_secret_raw, Type  # Debian: python3-argon2
        return hash_secret_raw(passphrase, salt, iterations, memory, lanes, 32, Type.ID, 0x13)
    except ImportError: pass
    try:
        library, key = ctypes.CDLL("libargon2.so.1"), ctypes.create_string_buffer(32)
    except OSError:
        raise Refused("a passphrase needs Argon2: Debian's python3-argon2 or libargon2-1") from None
    u, z = ctypes.c_uint32, ctypes.c_size_t
    if library.argon2id_hash_raw(u(iterations), u(memory), u(lanes), passphrase, z(len(passphrase)),
                                 salt, z(len(salt)), key, z(32)):
        raise ValueError("Argon2id does not take these parameters")
    return key.raw

# ---- the vault ------------------------------------------------------------------------------------------------------

class Vault:
    def __init__(self, folder, key=None, passphrase=None):
        self.folder = folder
        header = self.read("vault")
        if header is None: raise Refused(f"{folder}: no vault is here")
        if len(header) != 96 or header[:8] != b"VBACKUP\0": raise Damage("vault: is not a vault's header")
        version, self.chunk_size, self.id = struct.unpack_from("<II16s", header, 8)
        if version != 1: raise Refused(f"vault: format version {version} is not known")
        self.data_key = self.find_data_key(key, passphrase)  # the vault's id is needed here, and proven just below
        if mac(self.sub_key("header"), header[:64]) != header[64:]: raise Damage("vault: the header was altered")
        self.chunk_id_key, self.node_id_key = self.sub_key("chunk id"), self.sub_key("node id")
        self.indexes = None  # listed when the first hint turns out to be stale
        self.opened = functools.lru_cache(64)(self.open_object)

    def read(self, name):
        try:
            with open(os.path.join(self.folder, name), "rb") as f: return f.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def list(self, folder, pattern):
        path = os.path.join(self.folder, folder)  # which may be absent when no object is in it
        return sorted(n for n in os.listdir(path) if re.fullmatch(pattern, n)) if os.path.isdir(path) else []

    def sub_key(self, name): return hkdf(self.data_key, self.id, f"vbackup {name} v1".encode())
    def object_key(self, object_id, kind): return hkdf(self.data_key, object_id, b"vbackup object v1" + bytes([kind]))

    def find_data_key(self, key, passphrase):
        if key is not None:
            names = [hkdf(key, self.id, b"vbackup key id v1")[:16].hex()]
        else:
            names = self.list("keys", "passphrase-[0-9a-f]{32}")
        broken = None
        for name in names:
            raw = self.read(f"keys/{name}")
            if raw is None: continue
            try:
                if len(raw) > 16384: raise ValueError("too large")
                slot = json.loads(raw)
                if slot["format"] != 1: raise Refused(f"keys/{name}: slot format {slot['format']} is not known")
                wrap_key = hkdf(key or argon2id(passphrase, slot["argon2id"]), self.id, b"vbackup wrap v1")
                wrapped = base64.b64decode(slot["wrapped"], validate=True)
                associated = b"vbackup key slot v1" + self.id + slot["kind"].encode()
                return AESGCM(wrap_key).decrypt(wrapped[:12], wrapped[12:], associated)
            except InvalidTag: pass
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ctypes.ArgumentError):
                broken = f"keys/{name}: is not a key slot"
            # A key finds its slot by name, so not to unwrap is damage; a passphrase may just be another slot's.
            if key: broken = broken or f"keys/{name}: does not unwrap with its own key"
        if broken: raise Damage(broken)
        raise Refused("the vault has no slot for this key" if key else "no passphrase slot opens with this passphrase")

    def check_start(self, start, kind):
        """Checks an object's first 40 bytes; gives its id."""
        if len(start) < 40 or start[:4] != b"VBKO": raise Damage("is not a sealed object")
        if start[4] != 1: raise Damage(f"is of format version {start[4]}, which is not known")
        if start[5] != kind or start[6:8] != b"\0\0": raise Damage("is not of the kind its name says")
        return start[8:40]

    def small(self, name, kind):
        """The JSON in a small object, or None when it is not there."""
        raw = self.read(name)
        if raw is None: return None
        try:
            key = self.object_key(self.check_start(raw[:40], kind), kind)
            return json.loads(unseal(key, 0, raw[40:], self.id + raw[:40] + name.encode()))
        except (Damage, ValueError) as e:
            raise Damage(f"{name}: {e}") from None

    def open_object(self, name, kind):
        """An open pack or index object, its key, and the start of its pieces' associated data."""
        try:
            f = open(os.path.join(self.folder, name), "rb")
        except FileNotFoundError:
            raise Damage("is gone") from None
        object_id = self.check_start(f.read(40), kind)
        if object_id.hex() != name.rpartition("/")[2]: raise Damage("has another id than its name")
        return f, self.object_key(object_id, kind), self.id + bytes([kind]) + object_id

    def read_piece(self, name, kind, offset, length):
        f, key, associated = self.opened(name, kind)
        f.seek(offset, os.SEEK_END if offset < 0 else os.SEEK_SET)
        piece = f.read(length)
        if len(piece) != length: raise Damage("ends too early")
        return piece, key, associated

    # ---- points

    def point(self, point_id):
        """A valid point, or None. A decision is read after its point, because it may be made at any time."""
        point = self.small(f"points/{point_id}", POINT)
        if point is None: return None
        session = point.get("session", "") if isinstance(point, dict) else ""
        if not re.fullmatch("[0-9a-f]{32}", session): raise Damage(f"points/{point_id}: names no session")
        if point.get("id") != point_id: raise Damage(f"points/{point_id}: has another id than its name")
        decision = self.small(f"sessions/{session}.decision", DECISION)
        return point if decision is None or point_id in decision["points"] else None

    # ---- blobs

    def blob_at(self, place, id_, is_node):
        """The content of a blob that should lie at a place; Damage when it does not."""
        pack, offset, length = place
        piece, key, associated = self.read_piece(f"packs/{pack.hex()[:2]}/{pack.hex()}", PACK, offset, max(length, 24))
        counter, word = struct.unpack_from("<II", piece)
        content = unseal(key, counter, piece[8:], associated + id_ + piece[:8])
        content_length = word & 0x3FFFFFFF
        if bool(word >> 30 & 1) != is_node: raise Damage("is a node where a chunk should be, or the other way round")
        if word >> 31: content = unzstd(content, content_length)
        if len(content) != content_length: raise Damage("has another length than its prefix says")
        actual = node_id(self.node_id_key, content) if is_node else mac(self.chunk_id_key, content)
        if actual != id_: raise Damage("has another id")
        return content

    def blob(self, id_, hint, is_node):
        """The content with an id: where the hint says, else the index, else a newly read index."""
        def places():
            yield hint
            if self.indexes is not None: yield from self.find_in_index(id_)
            self.read_indexes()  # a collector may have moved the entry since the last listing
            yield from self.find_in_index(id_)
        reason = None
        for place in places():
            try:
                return self.blob_at(place, id_, is_node)
            except Damage as e:
                if not reason or str(e) != "is gone": reason = f"pack {place[0].hex()} at {place[1]} {e}"
        raise Damage(f"{'node' if is_node else 'chunk'} {id_.hex()} is nowhere intact: {reason}")

    def read_indexes(self):
        """Reads every index object's footer. One that is damaged is passed over: another may tell the same."""
        self.indexes = []
        for name in (f"index/{n}" for n in self.list("index", "[0-9a-f]{64}")):
            try:
                trailer = self.read_piece(name, INDEX, -16, 16)[0]
                footer_length, blocks, mark = struct.unpack("<II8s", trailer)
                if mark != b"VBIXEND1": raise Damage("has no trailer")
                sealed, key, associated = self.read_piece(name, INDEX, -16 - footer_length, footer_length)
                footer = unseal(key, FOOTER_COUNTER, sealed, associated + trailer)
                entries, packs, _ = struct.unpack_from("<QII", footer)
                table = [footer[16 + 32 * i:48 + 32 * i] for i in range(packs)]
                firsts = [footer[i:i + 8] for i in range(16 + 32 * packs, len(footer), 8)]
                if len(firsts) != blocks: raise Damage("disagrees with itself about its blocks")
                self.indexes.append(Index(name, entries, table, firsts))
            except (Damage, OSError) as e:
                warn(f"{name}: {e}; passed over")

    def find_in_index(self, id_):
        """Every (pack, offset, length) that the index tells for an id."""
        for index in self.indexes:
            # A block's first 8 bytes may equal the id's while the id itself still lies in the block before.
            block = max(bisect.bisect_left(index.firsts, id_[:8]) - 1, 0)
            while block < len(index.firsts) and index.firsts[block] <= id_[:8]:
                try:
                    count = min(ENTRIES_PER_BLOCK, index.entries - block * ENTRIES_PER_BLOCK)
                    sealed, key, associated = self.read_piece(
                        index.name, INDEX, 40 + block * (ENTRIES_PER_BLOCK * ENTRY + 16), count * ENTRY + 16)
                    plain = unseal(key, block, sealed, associated + struct.pack("<I", block))
                    for entry, pack, offset, length in struct.iter_unpack("<32sIII", plain):
                        if entry == id_: yield index.packs[pack], offset, length
                except Damage as e:
                    warn(f"{index.name}: block {block} {e}; passed over")
                block += 1

    # ---- volumes

    def restore(self, volume, out):
        length, levels = volume["lengthBytes"], volume["levels"]
        chunks, least = -(-length // self.chunk_size), 1
        while 256 ** least < chunks: least += 1
        if levels != least: raise Damage(f"volume {volume['name']}: {levels} levels do not fit {length} bytes")

        def child(id_, hint, level, first):
            """Writes what lies below a child that starts at chunk `first`; level -1 is the chunk itself."""
            if first >= chunks: raise Damage(f"volume {volume['name']}: the tree reaches past the end")
            content = self.blob(id_, hint, is_node=level >= 0)
            if level < 0:
                if len(content) != min(self.chunk_size, length - first * self.chunk_size):
                    raise Damage(f"volume {volume['name']}: chunk {first} has the wrong length")
                out.seek(first * self.chunk_size)
                out.write(content)
                return
            if content[1] != level: raise Damage(f"node {id_.hex()} is of level {content[1]}, not {level}")
            for i, child_id, place in children(content):
                child(child_id, place, level - 1, first + i * 256 ** level)

        root = volume["root"]
        if root is not None:
            hint = bytes.fromhex(root["pack"]), root["offset"], root["length"]
            child(bytes.fromhex(root["id"]), hint, levels - 1, 0)
        out.truncate(length)  # what was not written is a hole, and the end may be one too

Index = collections.namedtuple("Index", "name entries packs firsts")

def children(node):
    """(which child, its id, its hint) for every child present."""
    packs = struct.unpack_from("<H", node, 2)[0]
    present = [i for i in range(256) if node[8 + i // 8] >> i % 8 & 1]
    at = 40 + 32 * packs
    if node[0] != 1 or len(node) != at + ENTRY * len(present): raise Damage("is not a node")
    for i, (id_, pack, offset, length) in zip(present, struct.iter_unpack("<32sH2xII", node[at:])):
        if pack >= packs: raise Damage("names a pack that it does not have")
        yield i, id_, (node[40 + 32 * pack:72 + 32 * pack], offset, length)

def node_id(key, node):
    if len(node) < 40: raise Damage("is not a node")
    return mac(key, node[1:2] + node[8:40] + b"".join(id_ for _, id_, _ in children(node)))

# ---- commands -------------------------------------------------------------------------------------------------------

@functools.cache  # once is enough
def warn(text): print(f"warning: {text}", file=sys.stderr)

def list_points(vault, _):
    code = 0
    for point_id in vault.list("points", "[0-9a-f]{32}"):
        try:
            point = vault.point(point_id)
            if point is not None: print(json.dumps(point, ensure_ascii=False))
        except Damage as e:  # the other points are still worth knowing
            print(f"error: {e}", file=sys.stderr)
            code = 3
    return code

def restore(vault, args):
    point = vault.point(args.point.lower()) if re.fullmatch("[0-9a-fA-F]{32}", args.point) else None
    if point is None: raise Refused(f"no valid point {args.point} is in the vault")
    volumes = [v for v in point["volumes"] if v["name"] == args.volume]
    if len(volumes) != 1: raise Refused(f"the point has {len(volumes)} volumes {args.volume}")
    part = args.out + ".part"  # half a restore must not look like a whole one
    try:
        with open(part, "wb") as out: vault.restore(volumes[0], out)
        os.replace(part, args.out)
    except BaseException:
        if os.path.exists(part): os.remove(part)
        raise
    return 0

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="list|restore")
    for run, name, positions in ((list_points, "list", "vault"), (restore, "restore", "vault point volume out")):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        for position in positions.split(): command.add_argument(position)
        secret = command.add_mutually_exclusive_group(required=True)
        for option in ("--key-file", "--passphrase-file"): secret.add_argument(option, metavar="FILE")
        command.error = parser.error = lambda message: sys.exit(f"error: {message}")  # argparse would exit with 2
    args = parser.parse_args()
    try:
        with open(args.key_file or args.passphrase_file, "rb") as f: secret = f.read()
        if args.key_file: vault = Vault(args.vault, key=parse_key(secret.decode("ascii", "replace")))
        else: vault = Vault(args.vault, passphrase=secret.removesuffix(b"\n"))
        return args.run(vault, args)
    except (Refused, OSError) as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    except Damage as e:
        print(f"error: damage: {e}", file=sys.stderr)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, struct.error) as e:
        print(f"error: damage: the vault is not as the format says: {e!r}", file=sys.stderr)
    return 3

if __name__ == "__main__":
    sys.exit(main())
