"""peer_update.py PACK INDEX: puts the entry of a pack directory into an index, as one would in Python."""
import hashlib, json, os, sys
import yaml

from peer_build import LOADER, contents

folder, name = sys.argv[1], sys.argv[2]
with open(os.path.join(folder, "pack.yaml"), "rb") as file:
    manifest = yaml.load(file, LOADER)
digest = hashlib.sha256()
for top, folders, files in os.walk(folder):
    folders.sort()
    for one in sorted(files):
        with open(os.path.join(top, one), "rb") as file:
            digest.update(file.read())
source = {"type": "git", "url": manifest["repository"] + ".git", "ref": "v" + manifest["version"], "checksum": "sha256:" + digest.hexdigest()}
entry = dict(manifest, install_sources=[source], contents=contents(folder))
with open(name) as file:
    index = json.load(file)
index["packs"] = sorted([pack for pack in index["packs"] if pack["ref"] != entry["ref"]] + [entry], key=lambda pack: pack["ref"])
with open(name + ".new", "w") as out:
    json.dump(index, out, indent=2)
os.rename(name + ".new", name)
