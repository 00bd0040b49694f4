#!/usr/bin/env python3
"""Lists the objects of a bucket."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from aws_client import Bucket


def run(parameters):
    objects, prefixes, more = Bucket(parameters).list(
        parameters.text("prefix"), parameters.text("delimiter"), parameters.integer("limit", 1000, 1, 100000)
    )
    return {"objects": objects, "common_prefixes": prefixes, "truncated": more}


if __name__ == "__main__":
    action.main(run)
