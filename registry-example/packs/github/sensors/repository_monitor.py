#!/usr/bin/env python3
"""Follows a repository and emits events for new issues and releases."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from github_api import GitHub, repository_path


MAX_ITEMS = 200


def make_poll(parameters):
    github = GitHub(parameters)
    path = repository_path(parameters)
    repository = parameters.text("repository")
    # What exists at the first poll is no news.
    newest_issue = None
    known_releases = None

    def poll():
        nonlocal newest_issue, known_releases
        query = {"state": "all", "sort": "created", "direction": "desc"}
        issues, _ = github.pages(path + "/issues", query, 1 if newest_issue is None else MAX_ITEMS)
        releases, _ = github.pages(path + "/releases", {}, 100)
        releases = [release for release in releases if not release.get("draft")]
        events = []
        if newest_issue is not None:
            fresh = [item for item in issues if item["number"] > newest_issue and "pull_request" not in item]
            events += [issue_event(repository, issue) for issue in reversed(fresh)]
        if known_releases is not None:
            fresh = [release for release in releases if release["id"] not in known_releases]
            events += [release_event(repository, release) for release in reversed(fresh)]
        newest_issue = max([newest_issue or 0] + [item["number"] for item in issues])
        known_releases = (known_releases or set()) | {release["id"] for release in releases}
        return events

    return poll


def issue_event(repository, issue):
    payload = {
        "repository": repository,
        "number": issue["number"],
        "title": issue["title"],
        "author": (issue.get("user") or {}).get("login"),
        "labels": [label["name"] for label in issue.get("labels") or []],
        "url": issue["html_url"],
        "created_at": issue["created_at"],
    }
    return "github.issue_opened", payload


def release_event(repository, release):
    payload = {
        "repository": repository,
        "tag": release["tag_name"],
        "name": release.get("name"),
        "prerelease": bool(release.get("prerelease")),
        "url": release["html_url"],
        "published_at": release["published_at"],
    }
    return "github.release_published", payload


if __name__ == "__main__":
    action.main_sensor(make_poll)
