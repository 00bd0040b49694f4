#!/usr/bin/env python3
"""Asks a web address and judges the answer."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from checks import HttpCheck


def run(parameters):
    result = HttpCheck(parameters).run()
    if not result["ok"] and parameters.boolean("fail_on_problem"):
        raise action.Failure("%s: %s" % (result["url"], result["problem"]))
    return result


if __name__ == "__main__":
    action.main(run)
