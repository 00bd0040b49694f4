"""entry.py DIR...: what an index entry of each pack must be, by the newest rules of normalisation.

An independent statement of the rules, in another language and on another parser: for each directory one
line of JSON, {"entry": {...}} without `install_sources`, or {"error": "..."} where the rules refuse the
pack. Needs PyYAML; its YAML 1.1 scalars are switched off, since packs are read as YAML 1.2.
"""
import json
import math
import os
import re
import sys

import yaml

KINDS = ("actions", "sensors", "triggers", "rules", "workflows")
REF = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])\Z")
NUMBER = r"(0|[1-9][0-9]*)"
WORD = r"(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
VERSION = re.compile(rf"{NUMBER}\.{NUMBER}\.{NUMBER}(-{WORD}(\.{WORD})*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?\Z")
DEPENDENCY = re.compile(r"\s*[a-z][a-z0-9_-]{0,63}\s*(@.*)?\Z")


class Refused(Exception):
    pass


class Loader(yaml.SafeLoader):
    """Scalars of the core schema of YAML 1.2; a key twice is an error."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise Refused("a key twice: " + str(key.value))
            seen.add(key.value)
        return super().construct_mapping(node, deep)


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("null", r"(~|null|Null|NULL|)\Z", "~nN"),
    ("bool", r"(true|True|TRUE|false|False|FALSE)\Z", "tTfF"),
    ("int", r"([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z", "-+0123456789"),
    ("float", r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z", "-+.0123456789"),
):
    letters = list(first) + ([""] if tag == "null" else [])
    Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), letters)
Loader.add_constructor(
    "tag:yaml.org,2002:int",
    lambda loader, node: int(node.value, 0 if node.value[:2] in ("0x", "0o") else 10),
)


def load(path):
    with open(path, encoding="utf-8") as file:
        value = yaml.load(file, Loader)
    if not isinstance(value, dict):
        raise Refused(path + " holds no mapping")
    return value


def text(value, name):
    if not isinstance(value, str):
        raise Refused(name + " is not a string")
    return value


def scalar(value, name):
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused(name + " is neither a string nor a number")
    if not math.isfinite(value):
        raise Refused(name + " is not finite")
    return json.dumps(value)


def strings(value, name):
    if not isinstance(value, list):
        raise Refused(name + " is not a list")
    return sorted({scalar(item, name) for item in value}, key=lambda item: item.encode())


def first_present(places, name, check):
    """The value of the first (mapping, key) that is there: presence decides, not what the value is."""
    for mapping, key in places:
        if key in mapping:
            return check(mapping[key], name)
    return None


def dependencies(value):
    if isinstance(value, list):
        packs = strings([pack(item) for item in value], "dependencies")
        result = {"packs": packs}
    elif isinstance(value, dict):
        result = {
            key: scalar(value[key], key)
            for key in ("attune_version", "python_version", "nodejs_version")
            if key in value
        }
        result["packs"] = strings([pack(item) for item in value.get("packs", [])], "dependencies.packs")
    else:
        raise Refused("dependencies are neither a list nor a mapping")
    for item in result["packs"]:
        if not DEPENDENCY.match(item) or "=" in item.split("@")[0]:
            raise Refused(item + " is no dependency")
    return result


def pack(item):
    """Older indexes and manifests write {ref, version}; the rules know `ref@version`."""
    if isinstance(item, dict):
        return item["ref"] + ("@" + item["version"] if "version" in item else "")
    return item


def named(definition, names, place):
    for name in names:
        if name in definition:
            value = text(definition[name], place + " " + name)
            if value:
                return value
    return None


def component(definition, place, fallback):
    name = named(definition, ("ref", "name"), place) or fallback
    return {"name": name, "description": named(definition, ("description", "label"), place) or ""}


def contents(root, manifest, ref):
    lists = {kind: [] for kind in KINDS}
    for kind in KINDS:
        folder = os.path.join(root, kind)
        names = sorted(os.listdir(folder), key=str.encode) if os.path.isdir(folder) else []
        files = [n for n in names if re.search(r".\.ya?ml\Z", n) and os.path.isfile(os.path.join(folder, n))]
        for file in files:
            path = os.path.join(folder, file)
            definition = load(path)
            item = component(definition, path, file.rsplit(".", 1)[0])
            if item["name"].startswith(ref + "."):
                item["name"] = item["name"][len(ref) + 1 :]
            workflow = kind == "actions" and definition.get("workflow_file")
            lists["workflows" if workflow else kind].append(item)
        inline = manifest.get(kind)
        if not files and isinstance(inline, dict):
            for key, definition in inline.items():
                if definition is not None and not isinstance(definition, dict):
                    raise Refused("inline " + kind + " are not mappings")
                item = component(definition or {}, kind, key)
                lists[kind].append({"name": key, "description": item["description"]})
    for kind, items in lists.items():
        items.sort(key=lambda item: item["name"].encode())
        if len({item["name"] for item in items}) != len(items):
            raise Refused("a name twice in " + kind)
    return lists


def rules(entry):
    """The rules of the format that normalisation alone does not settle."""
    for name in ("label", "author", "license"):
        if not entry[name].strip():
            raise Refused(name + " is blank")
    if not entry.get("repository", "https://").startswith("https://"):
        raise Refused("repository is not https")
    if not re.match(r"https?://\S+\Z", entry.get("homepage", "http://x")):
        raise Refused("homepage is no URL")
    meta = entry["meta"]
    if not isinstance(meta["category"], str):
        raise Refused("meta.category")
    for name in ("downloads", "stars"):
        if name in meta and not (type(meta[name]) is int and meta[name] >= 0):
            raise Refused("meta." + name)


def entry(root):
    manifest = load(os.path.join(root, "pack.yaml"))
    # A manifest without `ref` may carry a name that serves as one.
    ref = text(manifest["ref"] if "ref" in manifest else manifest.get("name"), "ref")
    version = text(manifest.get("version"), "version")
    if not REF.match(ref) or DEVICES.match(ref):
        raise Refused(ref + " is no ref")
    if not VERSION.match(version):
        raise Refused(version + " is no version")
    meta = manifest.get("meta", manifest.get("metadata"))
    meta = {} if meta is None else meta
    if not isinstance(meta, dict) or not all(isinstance(key, str) for key in meta):
        raise Refused("meta is no mapping of strings")
    tested = meta.get("tested_attune_versions")
    if tested is not None and (not isinstance(tested, list) or len(set(map(str, tested))) != len(tested) or not all(isinstance(t, str) for t in tested)):
        raise Refused("meta.tested_attune_versions")
    result = {
        "ref": ref,
        "label": first_present(((manifest, "label"), (manifest, "name")), "label", text) or ref,
        "description": first_present(((manifest, "description"),), "description", text) or "",
        "version": version,
        "author": first_present(((manifest, "author"),), "author", text) or "Unknown",
        "license": first_present(((manifest, "license"), (meta, "license")), "license", text) or "NOASSERTION",
        "keywords": first_present(((manifest, "tags"), (manifest, "keywords"), (meta, "keywords")), "keywords", strings) or [],
        "runtime_deps": first_present(((manifest, "runtime_deps"),), "runtime_deps", strings) or [],
        "contents": contents(root, manifest, ref),
        "meta": {"category": "uncategorized", **meta},
    }
    for name, places in (
        ("repository", ((manifest, "repository"), (meta, "repository_url"))),
        ("email", ((manifest, "email"),)),
        ("homepage", ((manifest, "homepage"), (meta, "documentation_url"))),
        ("use_case", ((manifest, "use_case"), (meta, "use_case"))),
    ):
        value = first_present(places, name, text)
        if value is not None:
            result[name] = value
    if "dependencies" in manifest:
        result["dependencies"] = dependencies(manifest["dependencies"])
    json.dumps(result, allow_nan=False)
    rules(result)
    return result


for directory in sys.argv[1:]:
    try:
        print(json.dumps({"entry": entry(directory)}))
    except (Refused, yaml.YAMLError, ValueError, KeyError, TypeError, OSError) as refusal:
        print(json.dumps({"error": type(refusal).__name__ + ": " + str(refusal).split("\n")[0]}))
