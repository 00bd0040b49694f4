#!/usr/bin/env python3
"""Lists the releases of a repository."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from github_api import GitHub, release_summary, repository_path


def run(parameters):
    github = GitHub(parameters)
    most = parameters.integer("limit", 30, 1, 1000)
    prereleases = parameters.boolean("include_prereleases")
    found, _ = github.pages(repository_path(parameters) + "/releases", {}, 1000)
    releases = [
        release_summary(release)
        for release in found
        if not release.get("draft") and (prereleases or not release.get("prerelease"))
    ]
    return {"releases": releases[:most], "latest": releases[0] if releases else None}


if __name__ == "__main__":
    action.main(run)
