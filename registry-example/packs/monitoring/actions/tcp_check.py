#!/usr/bin/env python3
"""Connects to a port."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from checks import tcp_check


def run(parameters):
    result = tcp_check(
        parameters.text("host", required=True),
        parameters.integer("port", None, 1, 65535),
        parameters.integer("timeout", 5, 1, 120),
        parameters.text("expected_banner"),
    )
    if not result["ok"] and parameters.boolean("fail_on_problem"):
        raise action.Failure("%s port %d: %s" % (result["host"], result["port"], result["problem"]))
    return result


if __name__ == "__main__":
    action.main(run)
