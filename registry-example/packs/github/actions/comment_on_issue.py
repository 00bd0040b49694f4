#!/usr/bin/env python3
"""Adds a comment to an issue or a pull request."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from github_api import GitHub, repository_path


def run(parameters):
    github = GitHub(parameters, token_required=True)
    path = "%s/issues/%d/comments" % (repository_path(parameters), parameters.integer("number", None, 1))
    comment = {"body": parameters.text("body", required=True)}
    made = github.request("POST", path, body=comment).json("GitHub")
    return {"id": made["id"], "url": made["html_url"]}


if __name__ == "__main__":
    action.main(run)
