"""make_index.py FILE COUNT [START [SEED]]: writes a format 1 index of COUNT entries, the same one every time.

START is the number of the first entry and SEED what its version is drawn from, so that two indexes can overlap.
"""
import hashlib, json, random, sys

from make_packs import WORDS, words


def entry(number, seed):
    rng, versions = random.Random("entry %d" % number), random.Random("version %s %d" % (seed, number))
    name = "%s_%06d" % (rng.choice(WORDS), number)
    version = "%d.%d.%d" % (versions.randint(0, 4), versions.randint(0, 12), versions.randint(0, 20))

    def source(kind, url, **more):
        digest = hashlib.sha256(("%s %s %s" % (kind, name, version)).encode()).hexdigest()
        return dict({"type": kind, "url": url}, **more, checksum="sha256:" + digest)

    def components(low, high):
        return [{"name": "%s_%d" % (rng.choice(WORDS), i), "description": words(rng, 8)} for i in range(rng.randint(low, high))]

    return {
        "ref": name, "label": words(rng, 2).title(), "description": words(rng, 12), "version": version, "author": words(rng, 2).title(),
        "license": "Apache-2.0", "keywords": sorted(set(rng.sample(WORDS, 4))), "runtime_deps": ["python3"],
        "repository": "https://git.example.org/" + name, "homepage": "https://www.example.org/" + name,
        "install_sources": [
            source("git", "https://git.example.org/%s.git" % name, ref="v" + version),
            source("archive", "https://packs.example.org/%s-%s.tar.gz" % (name, version))],
        "contents": {"actions": components(4, 14), "sensors": components(0, 2), "triggers": components(0, 2), "rules": [], "workflows": components(0, 1)},
        "dependencies": {"attune_version": ">=0.1.0", "packs": []},
        "meta": {"downloads": versions.randint(0, 90000), "stars": versions.randint(0, 900)}}


if __name__ == "__main__":
    count, start, seed = int(sys.argv[2]), int((sys.argv[3:4] or [0])[0]), (sys.argv[4:5] or ["1"])[0]
    index = {"registry_name": "Measurements", "registry_url": "https://packs.example.org", "version": "1.0", "last_updated": "2026-01-01T00:00:00Z",
             "packs": [entry(number, seed) for number in range(start, start + count)]}
    with open(sys.argv[1], "w") as out:
        json.dump(index, out, indent=2)
