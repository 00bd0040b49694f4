#!/usr/bin/env python3
"""Opens an issue."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from github_api import GitHub, repository_path


def run(parameters):
    github = GitHub(parameters, token_required=True)
    issue = {
        "title": parameters.text("title", required=True),
        "body": parameters.text("body", ""),
        "labels": parameters.strings("labels"),
        "assignees": parameters.strings("assignees"),
    }
    made = github.request("POST", repository_path(parameters) + "/issues", body=issue).json("GitHub")
    return {"number": made["number"], "url": made["html_url"]}


if __name__ == "__main__":
    action.main(run)
