#!/usr/bin/env python3
"""Stores an object."""

import base64
import hashlib
import mimetypes
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from aws_client import Bucket


MAX_BYTES = 64 * 1024 * 1024


def content_of(parameters):
    """The bytes to store, from the one source that was given."""
    given = [name for name in ("content", "content_base64", "path") if parameters.values.get(name) not in (None, "")]
    if not given and parameters.values.get("content") == "":
        return b""
    if len(given) != 1:
        raise action.WrongParameter("give one of content, content_base64 and path")
    value = parameters.text(given[0])
    if given[0] == "content":
        return value.encode()
    if given[0] == "content_base64":
        try:
            return base64.b64decode(value, validate=True)
        except ValueError:
            raise action.WrongParameter("content_base64 is not valid Base64") from None
    try:
        if os.path.getsize(value) > MAX_BYTES:
            raise action.WrongParameter("%s is larger than %d bytes" % (value, MAX_BYTES))
        with open(value, "rb") as source:
            return source.read()
    except OSError as problem:
        raise action.Failure("cannot read %s: %s" % (value, problem.strerror)) from None


def run(parameters):
    bucket = Bucket(parameters)
    key = parameters.text("key", required=True)
    data = content_of(parameters)
    guessed = mimetypes.guess_type(key)[0] or "application/octet-stream"
    headers = {
        "Content-Type": parameters.text("content_type", guessed),
        "Content-MD5": base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
    }
    for name, value in parameters.mapping("metadata").items():
        if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not re.fullmatch(r"[ -~]*", str(value)):
            raise action.WrongParameter("metadata takes plain ASCII names and values")
        headers["x-amz-meta-" + name.lower()] = str(value)
    answer = bucket.send("PUT", bucket.path_of(key), headers=headers, body=data)
    return {
        "etag": (answer.headers.get("ETag") or "").strip('"'),
        "version_id": answer.headers.get("x-amz-version-id"),
        "size_bytes": len(data),
    }


if __name__ == "__main__":
    action.main(run)
