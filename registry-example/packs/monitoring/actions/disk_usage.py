#!/usr/bin/env python3
"""Measures how full a file system is."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from checks import level


def run(parameters):
    path = parameters.text("path", "/")
    warning = parameters.integer("warning_percent", 80, 1, 100)
    critical = parameters.integer("critical_percent", 90, 1, 100)
    if warning > critical:
        raise action.WrongParameter("warning_percent must not be above critical_percent")
    try:
        found = os.statvfs(path)
    except OSError as problem:
        raise action.Failure("cannot look at %s: %s" % (path, problem.strerror)) from None
    used = found.f_blocks - found.f_bfree
    # The share is the one that df shows: without the blocks kept back for root.
    reachable = used + found.f_bavail
    percent = 100.0 * used / reachable if reachable else 0.0
    inodes = 100.0 * (found.f_files - found.f_ffree) / found.f_files if found.f_files else None
    result = {
        "level": level(max(percent, inodes or 0.0), warning, critical),
        "path": path,
        "total_bytes": found.f_blocks * found.f_frsize,
        "used_bytes": used * found.f_frsize,
        "free_bytes": found.f_bavail * found.f_frsize,
        "used_percent": round(percent, 1),
        "inodes_used_percent": None if inodes is None else round(inodes, 1),
    }
    if result["level"] == "critical" and parameters.boolean("fail_on_problem"):
        raise action.Failure("%s is %.1f percent full" % (path, max(percent, inodes or 0.0)))
    return result


if __name__ == "__main__":
    action.main(run)
