#!/usr/bin/env python3
"""Closes an issue."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from github_api import GitHub, repository_path


def run(parameters):
    github = GitHub(parameters, token_required=True)
    path = "%s/issues/%d" % (repository_path(parameters), parameters.integer("number", None, 1))
    reason = parameters.text("reason", "completed", choices=("completed", "not_planned"))
    changed = github.request("PATCH", path, body={"state": "closed", "state_reason": reason}).json("GitHub")
    return {"number": changed["number"], "state": changed["state"]}


if __name__ == "__main__":
    action.main(run)
