#!/usr/bin/env python3
"""Reads an object, up to 32 MiB."""

import base64
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from aws_client import Bucket


def run(parameters):
    bucket = Bucket(parameters)
    key = parameters.text("key", required=True)
    version = parameters.text("version_id")
    answer = bucket.send("GET", bucket.path_of(key), [("versionId", version)] if version else [])
    result = {
        "content": None,
        "content_base64": None,
        "path": parameters.text("path"),
        "size_bytes": len(answer.body),
        "etag": (answer.headers.get("ETag") or "").strip('"'),
        "content_type": answer.headers.get("Content-Type"),
    }
    if result["path"]:
        try:
            with open(result["path"], "xb") as target:
                target.write(answer.body)
        except OSError as problem:
            raise action.Failure("cannot write %s: %s" % (result["path"], problem.strerror)) from None
        return result
    try:
        result["content"] = answer.body.decode("utf-8")
    except UnicodeDecodeError:
        result["content_base64"] = base64.b64encode(answer.body).decode()
    return result


if __name__ == "__main__":
    action.main(run)
