#!/usr/bin/env python3
"""Checks a registry tree as far as a short script does: pins, sizes, digests, and that archives unpack.

usage: peer_check.py TREE

Two processes; hashlib, gzip and tarfile. No rule of the formats, no tree digest, no twin, page or link.
"""
import hashlib
import json
import multiprocessing
import os
import sys
import tarfile

tree = sys.argv[1]


def check(item):
    ref, pointer = item
    name = pointer["document"].removeprefix("sha256:")
    with open(os.path.join(tree, "docs", f"{name}.{ref}.json"), "rb") as file:
        document = file.read()
    assert hashlib.sha256(document).hexdigest() == name, ref
    for version in json.loads(document)["versions"]:
        archive = version["archive"]
        path = os.path.join(tree, archive["path"])
        with open(path, "rb") as file:
            bytes_ = file.read()
        assert len(bytes_) == archive["size_bytes"], path
        assert "sha256:" + hashlib.sha256(bytes_).hexdigest() == archive["checksum"], path
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isfile():
                    tar.extractfile(member).read()


if __name__ == "__main__":
    with open(os.path.join(tree, "packs.json"), "rb") as file:
        packs = json.load(file)["packs"]
    with multiprocessing.Pool(2) as pool:
        pool.map(check, packs.items(), chunksize=16)
