"""check_index.py INDEX OLD NEW FINISHED: the index is whole, and lists `slack` with one of the two versions beside `aws`."""
import json, sys

index, old, new, finished = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4] == "1"
listed = {pack["ref"]: pack["version"] for pack in json.load(open(index))["packs"]}
assert listed.pop("aws") == "1.0.0", "a pack nobody changed is gone"
assert list(listed) == ["slack"] and listed["slack"] in (old, new), listed
assert listed["slack"] == new or not finished, "what was acknowledged is not there"
