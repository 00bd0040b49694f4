#!/usr/bin/env python3
"""Lists the issues of a repository."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from github_api import GitHub, issue_summary, repository_path


MAX_LISTED = 20000


def run(parameters):
    github = GitHub(parameters)
    most = parameters.integer("limit", 100, 1, 5000)
    query = {
        "state": parameters.text("state", "open", choices=("open", "closed", "all")),
        "labels": ",".join(parameters.strings("labels")) or None,
        "assignee": parameters.text("assignee"),
        "since": parameters.text("since"),
    }
    path = repository_path(parameters) + "/issues"
    # The list holds pull requests as well, so as many items are asked for as are
    # needed to find enough issues.
    wanted = most
    while True:
        found, more = github.pages(path, query, wanted)
        issues = [item for item in found if "pull_request" not in item]
        if len(issues) >= most or not more or wanted >= MAX_LISTED:
            break
        wanted = min(MAX_LISTED, wanted * 4)
    truncated = more or len(issues) > most
    return {"issues": [issue_summary(issue) for issue in issues[:most]], "truncated": truncated}


if __name__ == "__main__":
    action.main(run)
