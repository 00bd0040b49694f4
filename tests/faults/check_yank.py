"""check_yank.py TREE FINISHED: what each index of the tree says of slack@1.0.0, and that its document is the pinned one."""
import hashlib, json, sys

tree, finished = sys.argv[1], sys.argv[2] == "1"
pinned = json.load(open(tree + "/packs.json"))["packs"]["slack"]["document"].split(":")[1]
document = open("%s/docs/%s.slack.json" % (tree, pinned), "rb").read()
assert hashlib.sha256(document).hexdigest() == pinned, "the document is not the pinned one"
yanked = "yanked" in json.loads(document)["versions"][0]
listed = any(pack["ref"] == "slack" for pack in json.load(open(tree + "/index.json"))["packs"])
json.load(open(tree + "/registry.json"))
if finished:
    assert yanked and not listed, "yanked: %s, listed: %s" % (yanked, listed)
