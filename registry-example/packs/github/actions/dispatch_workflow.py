#!/usr/bin/env python3
"""Starts a run of a GitHub Actions workflow."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from github_api import GitHub, repository_path, segment


def run(parameters):
    github = GitHub(parameters, token_required=True)
    workflow = segment(parameters.text("workflow", required=True))
    path = "%s/actions/workflows/%s/dispatches" % (repository_path(parameters), workflow)
    inputs = {name: as_text(value) for name, value in parameters.mapping("inputs").items()}
    github.request("POST", path, body={"ref": parameters.text("ref", "main"), "inputs": inputs})
    return {"started": True}


def as_text(value):
    """Inputs are strings on the wire."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


if __name__ == "__main__":
    action.main(run)
