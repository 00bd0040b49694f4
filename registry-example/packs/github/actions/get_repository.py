#!/usr/bin/env python3
"""Looks up a repository."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from github_api import GitHub, repository_path


def run(parameters):
    github = GitHub(parameters)
    found = github.get(repository_path(parameters))
    return {
        "full_name": found["full_name"],
        "description": found.get("description"),
        "default_branch": found["default_branch"],
        "private": bool(found.get("private")),
        "archived": bool(found.get("archived")),
        "stars": found.get("stargazers_count", 0),
        "open_issues": found.get("open_issues_count", 0),
        "license": (found.get("license") or {}).get("spdx_id"),
        "topics": found.get("topics") or [],
        "url": found.get("html_url"),
    }


if __name__ == "__main__":
    action.main(run)
