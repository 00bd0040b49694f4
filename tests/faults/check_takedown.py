"""check_takedown.py TREE FINISHED: what the pinned document says of slack@1.0.0, its archive, and the log of takedowns."""
import hashlib, json, os, sys

tree, finished = sys.argv[1], sys.argv[2] == "1"
pinned = json.load(open(tree + "/packs.json"))["packs"]["slack"]["document"].split(":")[1]
document = open("%s/docs/%s.slack.json" % (tree, pinned), "rb").read()
assert hashlib.sha256(document).hexdigest() == pinned, "the document is not the pinned one"
version = json.loads(document)["versions"][0]
gone = version.get("taken_down")
json.load(open(tree + "/registry.json"))
listed = any(pack["ref"] == "slack" for pack in json.load(open(tree + "/index.json"))["packs"])
if gone is None:
    archive = version["archive"]
    data = open(os.path.join(tree, archive["path"]), "rb").read()
    assert "sha256:" + hashlib.sha256(data).hexdigest() == archive["checksum"], "the archive is not the pinned one"
    assert not finished, "it is not taken down"
else:
    assert "archive" not in version and gone["reason"] == "law"
    lines = open(tree + ".state/takedowns.jsonl").read().splitlines()
    assert any(json.loads(line)["version"] == "1.0.0" for line in lines), "the takedown is not logged"
    archive = gone["archive"]
    assert not listed or os.path.exists(os.path.join(tree, archive["path"])), "index.json lists an archive that is gone"
if finished:
    assert not listed, "index.json lists it"
    assert not os.path.exists(os.path.join(tree, gone["archive"]["path"])), "the archive is still there"
