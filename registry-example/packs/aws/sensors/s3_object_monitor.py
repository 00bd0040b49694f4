#!/usr/bin/env python3
"""Watches a prefix of a bucket and emits an event for every new or changed object."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from aws_client import Bucket


def make_poll(parameters):
    bucket = Bucket(parameters)
    prefix = parameters.text("prefix")
    most = parameters.integer("max_objects", 10000, 1, 100000)
    # What exists at the first poll is no news.
    known = None

    def poll():
        nonlocal known
        objects, _, more = bucket.list(prefix, None, most)
        if more:
            raise action.Failure("more than %d objects lie under this prefix; narrow it or raise max_objects" % most)
        found = {item["key"]: (item["etag"], item["last_modified"]) for item in objects}
        fresh = [item for item in objects if known is not None and known.get(item["key"]) != found[item["key"]]]
        known = found
        return [("aws.s3_object_created", payload_of(bucket.name, item)) for item in fresh]

    return poll


def payload_of(bucket, item):
    payload = {name: item[name] for name in ("key", "size_bytes", "etag", "last_modified")}
    return dict(payload, bucket=bucket)


if __name__ == "__main__":
    action.main_sensor(make_poll)
