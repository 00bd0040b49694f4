"""The GitHub REST API: one token, pages, rate limits."""

import json
import re
import time
from urllib.parse import quote, urlencode, urlsplit

import web
from action import Failure, WrongParameter, safe_url

API_VERSION = "2022-11-28"
REPOSITORY = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
MAX_ATTEMPTS = 3


class GitHub:
    """Calls of the REST API."""

    def __init__(self, parameters, token_required=False):
        self.token = parameters.text("token", required=token_required, environment="GITHUB_TOKEN")
        if self.token and any(ord(char) <= 32 or ord(char) > 126 for char in self.token):
            raise WrongParameter("token holds a character that no token has")
        self.base = safe_url("api_url", parameters.text("api_url", "https://api.github.com"))
        self.longest_wait = parameters.integer("rate_limit_wait", 60, 0, 3600)
        self.timeout = parameters.integer("timeout", 30, 1, 300)

    def request(self, method, path, query=None, body=None):
        """Sends one request and returns the answer. A status of 400 or more is a Failure."""
        url = self.base + path
        if query:
            given = {name: value for name, value in query.items() if value is not None}
            url += "?" + urlencode(given)
        return self._send(method, url, body)

    def get(self, path, query=None):
        return self.request("GET", path, query).json("GitHub")

    def pages(self, path, query, most):
        """Collects a list over all its pages. Returns the items and whether there are more."""
        items = []
        answer = self.request("GET", path, dict(query, per_page=min(100, most)))
        while True:
            page = answer.json("GitHub")
            if not isinstance(page, list):
                raise Failure("GitHub answered with something else than a list")
            items += page
            following = next_page(answer.headers.get("Link"))
            if len(items) >= most or not following:
                return items[:most], bool(following) or len(items) > most
            if urlsplit(following)[:2] != urlsplit(self.base)[:2]:
                raise Failure("GitHub named a next page on another server")
            answer = self._send("GET", following, None)

    def _send(self, method, url, body):
        headers = {
            "Accept": "application/vnd.github+json",
            "User-Agent": "attune-github-pack",
            "X-GitHub-Api-Version": API_VERSION,
        }
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        for attempt in range(1, MAX_ATTEMPTS + 1):
            answer = web.send(method, url, headers, data, self.timeout, "GitHub")
            wait = seconds_to_wait(answer)
            if wait is None:
                break
            if attempt == MAX_ATTEMPTS or wait > self.longest_wait:
                raise Failure("the rate limit of GitHub is reached; it ends in %d seconds" % wait)
            time.sleep(wait)
        if answer.status >= 300:
            raise refusal(method, urlsplit(url).path, answer)
        return answer


def seconds_to_wait(answer):
    """How long a rate limit asks to wait, or None when the answer is no rate limit."""
    if answer.status not in (403, 429):
        return None
    given = answer.headers.get("Retry-After", "")
    if given.isdigit():
        return int(given)
    if answer.headers.get("X-RateLimit-Remaining") == "0":
        reset = answer.headers.get("X-RateLimit-Reset", "")
        return max(0, int(reset) - int(time.time())) if reset.isdigit() else 60
    return 60 if answer.status == 429 else None


def refusal(method, path, answer):
    """The Failure for a status that is no success."""
    try:
        data = json.loads(answer.body)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        data = {}
    reason = str(data.get("message") or "no reason given")
    details = []
    for problem in data.get("errors") or []:
        if isinstance(problem, dict):
            details.append(str(problem.get("message") or "%s: %s" % (problem.get("field"), problem.get("code"))))
        else:
            details.append(str(problem))
    if details:
        reason += " (%s)" % "; ".join(details)
    if answer.status == 404:
        reason += ", or the token may not see it"
    return Failure("GitHub refused %s %s (status %d): %s" % (method, path, answer.status, reason))


def next_page(link):
    """The address marked rel="next" in a Link header."""
    for address, relation in re.findall(r'<([^>]*)>[^,]*rel="([^"]*)"', link or ""):
        if "next" in relation.split():
            return address
    return None


def repository_path(parameters):
    """The path of the repository, from the parameter owner/name."""
    name = parameters.text("repository", required=True)
    if not REPOSITORY.fullmatch(name) or any(part in (".", "..") for part in name.split("/")):
        raise WrongParameter("repository must look like owner/name")
    return "/repos/" + name


def segment(text):
    """Text as one part of a path."""
    return quote(text, safe="")


def issue_summary(issue):
    return {
        "number": issue["number"],
        "title": issue["title"],
        "state": issue["state"],
        "author": (issue.get("user") or {}).get("login"),
        "labels": [label["name"] if isinstance(label, dict) else label for label in issue.get("labels") or []],
        "assignees": [person["login"] for person in issue.get("assignees") or []],
        "comments": issue.get("comments", 0),
        "created_at": issue.get("created_at"),
        "updated_at": issue.get("updated_at"),
        "url": issue.get("html_url"),
    }


def release_summary(release):
    return {
        "id": release["id"],
        "tag": release["tag_name"],
        "name": release.get("name"),
        "draft": bool(release.get("draft")),
        "prerelease": bool(release.get("prerelease")),
        "published_at": release.get("published_at"),
        "url": release.get("html_url"),
        "assets": [
            {"name": asset["name"], "size_bytes": asset.get("size"), "url": asset.get("browser_download_url")}
            for asset in release.get("assets") or []
        ],
    }
