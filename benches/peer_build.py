"""peer_build.py PACKS OUT: the index builder one would write in Python: archives and an index, two processes."""
import gzip, hashlib, io, json, multiprocessing, os, sys, tarfile
import yaml

KINDS = ("actions", "sensors", "triggers", "rules", "workflows")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def build(name):
    folder = os.path.join(sys.argv[1], name)
    manifest = yaml.load(open(folder + "/pack.yaml", "rb"), LOADER)
    contents = {}
    for kind in KINDS:
        place = os.path.join(folder, kind)
        files = sorted(f for f in os.listdir(place) if f.endswith(".yaml")) if os.path.isdir(place) else []
        parsed = [yaml.load(open(os.path.join(place, f), "rb"), LOADER) for f in files]
        contents[kind] = [{"name": p["ref"].split(".")[-1], "description": p.get("description", "")} for p in parsed]
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for top, folders, files in os.walk(folder):
            folders.sort()
            for file in sorted(files):
                path = os.path.join(top, file)
                member = tar.gettarinfo(path, os.path.relpath(path, sys.argv[1]))
                member.mtime = member.uid = member.gid = 0
                member.uname = member.gname = ""
                with open(path, "rb") as content:
                    tar.addfile(member, content)
    packed = gzip.compress(raw.getvalue(), 6, mtime=0)
    file = "%s-%s.tar.gz" % (manifest["ref"], manifest["version"])
    with open(os.path.join(sys.argv[2], file), "wb") as out:
        out.write(packed)
    source = {"type": "archive", "url": "https://packs.example.org/" + file, "checksum": "sha256:" + hashlib.sha256(packed).hexdigest()}
    return dict(manifest, install_sources=[source], contents=contents)


if __name__ == "__main__":
    os.makedirs(sys.argv[2], exist_ok=True)
    with multiprocessing.Pool(2) as pool:
        packs = pool.map(build, sorted(os.listdir(sys.argv[1])), chunksize=8)
    with open(os.path.join(sys.argv[2], "index.json"), "w") as out:
        json.dump({"version": "1.0", "packs": packs}, out, indent=2)
