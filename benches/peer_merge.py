"""peer_merge.py OUT INDEX…: the merge one would write in Python: per ref the newest version."""
import json, sys


def order(version):
    return tuple(int(part) for part in version.split("."))


newest, index = {}, {}
for name in sys.argv[2:]:
    with open(name) as file:
        index = json.load(file)
    for pack in index["packs"]:
        known = newest.get(pack["ref"])
        if known is None or order(pack["version"]) > order(known["version"]):
            newest[pack["ref"]] = pack
index["packs"] = [newest[ref] for ref in sorted(newest)]
with open(sys.argv[1], "w") as out:
    json.dump(index, out, indent=2)
