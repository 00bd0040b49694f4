"""check_merge.py TREE FINISHED: the versions of slack that the tree lists, their archives, and each index."""
import hashlib, json, os, sys

tree, finished = sys.argv[1], sys.argv[2] == "1"
pointer = json.load(open(tree + "/packs.json"))["packs"]["slack"]
pinned = pointer["document"].split(":")[1]
document = open("%s/docs/%s.slack.json" % (tree, pinned), "rb").read()
assert hashlib.sha256(document).hexdigest() == pinned, "the document is not the pinned one"
versions = json.loads(document)["versions"]
names = [version["version"] for version in versions]
assert names in (["1.0.0"], ["2.0.0", "1.0.0"]), "versions %s" % names
assert pointer["version"] == names[0], "packs.json names %s" % pointer["version"]
for version in versions:
    archive = version["archive"]
    data = open(os.path.join(tree, archive["path"]), "rb").read()
    assert "sha256:" + hashlib.sha256(data).hexdigest() == archive["checksum"], "an archive is not the pinned one"
listed = json.load(open(tree + "/index.json"))["packs"][0]["version"]
assert listed in ("1.0.0", "2.0.0"), "index.json lists %s" % listed
json.load(open(tree + "/registry.json"))
if finished:
    assert len(names) == 2 and listed == "2.0.0", "versions %s, index.json lists %s" % (names, listed)
