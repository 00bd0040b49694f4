"""check_tree.py TREE NEW FINISHED: everything the pointers of a tree name is there, whole, and pinned."""
import gzip, hashlib, json, os, sys

tree, new, finished = sys.argv[1], sys.argv[2], sys.argv[3] == "1"


def load(path):
    path = os.path.join(tree, path)
    return open(path, "rb").read() if os.path.exists(path) else None


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def archive(path, checksum):
    data = load(path)
    assert data is not None, "missing " + path
    assert digest(data) == checksum, "wrong bytes in " + path


versions = set()
packs = load("packs.json")
if packs is not None:
    for ref, pointer in json.loads(packs)["packs"].items():
        document = load("docs/%s.%s.json" % (pointer["document"].split(":")[1], ref))
        assert document is not None and digest(document) == pointer["document"], "document of " + ref
        for version in json.loads(document)["versions"]:
            versions.add(version["version"])
            archive(version["archive"]["path"], version["archive"]["checksum"])
index = load("index.json")
if index is not None:
    for pack in json.loads(index)["packs"]:
        for source in pack["install_sources"]:
            if source["type"] == "git":
                continue
            archive(source["url"].split("/", 3)[3], source["checksum"])
registry = load("registry.json")
assert registry is None or json.loads(registry)["format"] == 2
for folder, _, names in os.walk(tree):
    for name in names:
        path = os.path.join(folder, name)
        plain = path[:-3]
        # A server uses a twin only while its time is that of the file.
        if name.endswith(".gz") and not name.endswith(".tar.gz") and os.path.exists(plain):
            if os.stat(path).st_mtime_ns == os.stat(plain).st_mtime_ns:
                assert gzip.open(path).read() == open(plain, "rb").read(), "twin of " + plain
if finished:
    assert new in versions and registry is not None, "what was acknowledged is not there"
