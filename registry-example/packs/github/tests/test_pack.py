"""Tests of the GitHub pack. Nothing leaves the machine."""

import os
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from stub import LayoutTest, PackTest, call, execute, load  # noqa: E402,F401

from action import Failure, Parameters, WrongParameter  # noqa: E402
from github_api import next_page  # noqa: E402


def issue(number, **more):
    made = {
        "number": number,
        "title": "issue %d" % number,
        "state": "open",
        "user": {"login": "ada"},
        "labels": [{"name": "bug"}],
        "html_url": "https://github.com/example/shop/issues/%d" % number,
        "created_at": "2026-10-01T00:00:00Z",
    }
    made.update(more)
    return made


def release(number, **more):
    made = {
        "id": number,
        "tag_name": "v%d" % number,
        "html_url": "https://github.com/example/shop/releases/v%d" % number,
        "published_at": "2026-10-01T00:00:00Z",
        "assets": [{"name": "shop.tgz", "size": 3, "browser_download_url": "https://example.org/shop.tgz"}],
    }
    made.update(more)
    return made


class GitHubTest(PackTest):
    def access(self, **parameters):
        given = {"repository": "example/shop", "token": "test-token", "api_url": self.stub.url}
        return dict(given, **parameters)

    def on_pages(self, path, items, size):
        """A list cut into pages, linked as GitHub links them."""

        def page(request):
            number = int(request.query.get("page", "1"))
            part = items[(number - 1) * size : number * size]
            headers = {}
            if number * size < len(items):
                headers["Link"] = '<%s%s?page=%d>; rel="next", <%s%s?page=99>; rel="last"' % (
                    self.stub.url, path, number + 1, self.stub.url, path,
                )
            return 200, headers, part

        self.stub.on("GET", path, page)


class Reading(GitHubTest):
    def test_repository(self):
        self.stub.on(
            "GET",
            "/repos/example/shop",
            {"full_name": "example/shop", "default_branch": "main", "stargazers_count": 7, "license": {"spdx_id": "MIT"}},
        )
        result = call("get_repository", **self.access())
        self.assertEqual((result["default_branch"], result["stars"], result["license"]), ("main", 7, "MIT"))
        headers = self.stub.requests[0].headers
        self.assertEqual(headers["Authorization"], "Bearer test-token")
        self.assertEqual(headers["Accept"], "application/vnd.github+json")

    def test_without_token(self):
        self.stub.on("GET", "/repos/example/shop", {"full_name": "example/shop", "default_branch": "main"})
        call("get_repository", **self.access(token=""))
        self.assertNotIn("Authorization", self.stub.requests[0].headers)

    def test_issues_over_pages_without_pull_requests(self):
        items = [issue(9), issue(8, pull_request={}), issue(7), issue(6), issue(5)]
        self.on_pages("/repos/example/shop/issues", items, 2)
        result = call("list_issues", **self.access(labels=["bug", "urgent"]))
        self.assertEqual([item["number"] for item in result["issues"]], [9, 7, 6, 5])
        self.assertFalse(result["truncated"])
        self.assertEqual(self.stub.requests[0].query["labels"], "bug,urgent")
        self.assertEqual(len(self.stub.requests), 3)

    def test_limit_counts_issues_only(self):
        items = [issue(9, pull_request={}), issue(8, pull_request={}), issue(7), issue(6), issue(5)]
        self.on_pages("/repos/example/shop/issues", items, 2)
        result = call("list_issues", **self.access(limit=2))
        self.assertEqual([item["number"] for item in result["issues"]], [7, 6])
        self.assertTrue(result["truncated"])

    def test_next_page_on_another_server(self):
        link = {"Link": '<https://elsewhere.example.org/x>; rel="next"'}
        self.stub.on("GET", "/repos/example/shop/issues", (200, link, [issue(1)]))
        with self.assertRaisesRegex(Failure, "another server"):
            call("list_issues", **self.access())

    def test_link_header(self):
        self.assertEqual(next_page('<https://a/?p=1>; rel="prev", <https://a/?p=3>; rel="next"'), "https://a/?p=3")
        self.assertIsNone(next_page('<https://a/?p=1>; rel="last"'))
        self.assertIsNone(next_page(None))

    def test_releases(self):
        self.on_pages("/repos/example/shop/releases", [release(3, prerelease=True), release(4, draft=True), release(2), release(1)], 2)
        result = call("list_releases", **self.access())
        self.assertEqual([item["tag"] for item in result["releases"]], ["v2", "v1"])
        self.assertEqual(result["latest"]["assets"][0]["size_bytes"], 3)
        result = call("list_releases", **self.access(include_prereleases=True, limit=1))
        self.assertEqual([item["tag"] for item in result["releases"]], ["v3"])


class Writing(GitHubTest):
    def test_create_issue(self):
        self.stub.on("POST", "/repos/example/shop/issues", (201, {}, issue(42)))
        result = call("create_issue", **self.access(title="Slow", labels="bug, slow"))
        self.assertEqual(result["number"], 42)
        self.assertEqual(
            self.stub.requests[0].json(), {"title": "Slow", "body": "", "labels": ["bug", "slow"], "assignees": []}
        )

    def test_comment_and_close(self):
        self.stub.on("POST", "/repos/example/shop/issues/42/comments", (201, {}, {"id": 1, "html_url": "https://c"}))
        self.assertEqual(call("comment_on_issue", **self.access(number=42, body="hi"))["id"], 1)
        self.stub.on("PATCH", "/repos/example/shop/issues/42", issue(42, state="closed"))
        self.assertEqual(call("close_issue", **self.access(number="42", reason="not_planned"))["state"], "closed")
        self.assertEqual(self.stub.requests[1].json(), {"state": "closed", "state_reason": "not_planned"})

    def test_dispatch(self):
        self.stub.on("POST", "/repos/example/shop/actions/workflows/a%2Fb.yml/dispatches", (204, {}, b""))
        result = call("dispatch_workflow", **self.access(workflow="a/b.yml", inputs={"dry_run": False, "count": 2}))
        self.assertEqual(result, {"started": True})
        self.assertEqual(self.stub.requests[0].json(), {"ref": "main", "inputs": {"dry_run": "false", "count": "2"}})

    def test_wrong_parameters(self):
        for name, parameters, expected in [
            ("create_issue", {"token": "", "title": "x"}, "GITHUB_TOKEN"),
            ("create_issue", {}, "title is required"),
            ("create_issue", {"title": "x", "repository": "shop"}, "owner/name"),
            ("create_issue", {"title": "x", "repository": "../shop"}, "owner/name"),
            ("create_issue", {"title": "x", "api_url": "http://github.example.org"}, "https"),
            ("comment_on_issue", {"body": "x", "number": 0}, "at least 1"),
            ("close_issue", {"number": 1, "reason": "bored"}, "must be one of"),
        ]:
            with self.subTest(expected=expected), self.assertRaisesRegex(WrongParameter, expected):
                call(name, **self.access(**parameters))
        self.assertEqual(self.stub.requests, [])


class Refusals(GitHubTest):
    def test_reasons(self):
        path = "/repos/example/shop/issues"
        body = {"message": "Validation Failed", "errors": [{"field": "title", "code": "missing"}, "odd"]}
        self.stub.on("POST", path, (422, {}, body), (403, {}, {"message": "no"}), (500, {}, b"<html>"), (301, {}, b""))
        for expected in (r"422.*Validation Failed \(title: missing; odd\)", "403.*no", "500.*no reason", "301"):
            with self.assertRaisesRegex(Failure, expected):
                call("create_issue", **self.access(title="x"))
        with self.assertRaisesRegex(Failure, "404.*may not see it"):
            call("get_repository", **self.access(repository="example/none"))

    def test_rate_limit_is_waited_for(self):
        path = "/repos/example/shop"
        found = {"full_name": "example/shop", "default_branch": "main"}
        gone = str(int(time.time()) - 5)
        self.stub.on(
            "GET",
            path,
            (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": gone}, {"message": "limit"}),
            (429, {"Retry-After": "0"}, {"message": "limit"}),
            found,
        )
        self.assertEqual(call("get_repository", **self.access())["default_branch"], "main")
        self.assertEqual(len(self.stub.requests), 3)

    def test_long_rate_limit_fails(self):
        later = str(int(time.time()) + 1800)
        answer = (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": later}, {"message": "limit"})
        self.stub.on("GET", "/repos/example/shop", answer)
        with self.assertRaisesRegex(Failure, "ends in 1[78][0-9][0-9] seconds"):
            call("get_repository", **self.access())
        self.assertEqual(len(self.stub.requests), 1)

    def test_as_a_process(self):
        code, output, errors = execute("actions/get_repository.py", self.access(token="very-secret"))
        self.assertEqual((code, output), (1, ""))
        self.assertTrue(errors.startswith("get_repository: GitHub refused GET /repos/example/shop (status 404)"))
        self.assertNotIn("very-secret", errors)


class RepositoryMonitor(GitHubTest):
    def test_only_new_things_in_order(self):
        path = "/repos/example/shop"
        self.stub.on("GET", path + "/issues", [issue(3)], [issue(6), issue(5, pull_request={}), issue(4), issue(3)])
        self.stub.on("GET", path + "/releases", [release(1)], [release(2), release(3, draft=True), release(1)])
        poll = load("sensors/repository_monitor.py").make_poll(Parameters(self.access()))
        self.assertEqual(poll(), [])
        events = poll()
        self.assertEqual(
            [(trigger, payload.get("number", payload.get("tag"))) for trigger, payload in events],
            [("github.issue_opened", 4), ("github.issue_opened", 6), ("github.release_published", "v2")],
        )
        self.assertEqual(poll(), [])

    def test_as_a_process(self):
        path = "/repos/example/shop"
        self.stub.on("GET", path + "/issues", [], [issue(1)])
        self.stub.on("GET", path + "/releases", [])
        code, output, errors = execute("sensors/repository_monitor.py", self.access(max_polls=1))
        self.assertEqual((code, output, errors), (0, "", ""))
        code, output, errors = execute("sensors/repository_monitor.py", self.access(max_polls=0, poll_interval="x"))
        self.assertEqual((code, output), (2, ""))
        self.assertIn("poll_interval", errors)
        self.assertEqual(self.stub.requests[0].query["direction"], "desc")


if __name__ == "__main__":
    unittest.main()
