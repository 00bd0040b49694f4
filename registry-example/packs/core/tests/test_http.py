"""Tests of the HTTP actions against a server on the loopback interface."""

import json
import os
import shutil
import subprocess
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PACK = Path(__file__).resolve().parent.parent
CLIENTS = [name for name in ("python3", "curl") if shutil.which(name)]


class Server:
    """Answers with what a test put in place and remembers what was asked."""

    def __enter__(self):
        owner = self
        self.requests = []
        self.answers = {}

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self):
                size = int(self.headers.get("Content-Length") or 0)
                owner.requests.append((self.command, self.path, dict(self.headers), self.rfile.read(size)))
                status, headers, body = owner.answers.get(self.path, (404, {}, b'{"message":"nothing here"}'))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, *_arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_problem):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, path, body, status=200, headers=None):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.answers[path] = (status, headers or {}, body)


def dotenv(parameters):
    """The lines a worker writes: sorted, quoted, no final newline."""
    lines = []
    for name, value in parameters.items():
        if isinstance(value, dict):
            lines += ["%s.%s=%s" % (name, key, quote(item)) for key, item in value.items()]
        else:
            lines.append("%s=%s" % (name, quote(value)))
    return "\n".join(sorted(lines))


def quote(value):
    if value is None:
        return ""
    if not isinstance(value, str):
        value = json.dumps(value, separators=(",", ":"))
    return "'" + value.replace("'", "'\\''") + "'"


def run(action, parameters, client="python3", text=None, **environment):
    """Runs an action and returns its exit code, its result and its standard error."""
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            [str(PACK / "actions" / (action + ".sh"))],
            input=dotenv(parameters) if text is None else text,
            capture_output=True,
            encoding="utf-8",
            timeout=30,
            env={"PATH": os.environ["PATH"], "TMPDIR": scratch, "ATTUNE_HTTP_CLIENT": client, **environment},
        )
        left = os.listdir(scratch)
    assert not left, left
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


class ServerCase(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)


class Wrappers(ServerCase):
    def test_each_wrapper_posts_its_request_and_prints_the_data(self):
        cases = [
            (
                "download_packs",
                "/api/v1/packs/download",
                {"packs": ["core", "github:example/it's@v1"], "destination_dir": '/tmp/a "b"', "verify_ssl": False,
                 "ref_spec": None, "registry_url": "https://packs.example.org/index.json", "timeout": 20},
                {"packs": ["core", "github:example/it's@v1"], "destination_dir": '/tmp/a "b"', "verify_ssl": False,
                 "registry_url": "https://packs.example.org/index.json", "timeout": 20},
            ),
            (
                "get_pack_dependencies",
                "/api/v1/packs/dependencies",
                {"pack_paths": ["/tmp/core"]},
                {"pack_paths": ["/tmp/core"], "skip_validation": False},
            ),
            (
                "build_pack_envs",
                "/api/v1/packs/build-envs",
                {"pack_paths": ["/tmp/aws"], "packs_base_dir": "/srv/packs", "skip_nodejs": True, "timeout": "soon"},
                {"pack_paths": ["/tmp/aws"], "packs_base_dir": "/srv/packs", "python_version": "3.11",
                 "nodejs_version": "20", "skip_python": False, "skip_nodejs": True, "force_rebuild": False,
                 "timeout": 600},
            ),
            (
                "register_packs",
                "/api/v1/packs/register-batch",
                {"pack_paths": [], "skip_tests": True},
                {"pack_paths": [], "skip_validation": False, "skip_tests": True, "force": False},
            ),
        ]
        for client in CLIENTS:
            for action, path, parameters, expected in cases:
                with self.subTest(action=action, client=client):
                    self.server.requests.clear()
                    data = {"items": [{"text": "} \" é"}], "message": "inner"}
                    self.server.answer(path, {"data": data, "message": "outer"})
                    code, result, errors = run(
                        action, dict(parameters, api_url=self.server.url + "/", api_token="secret-token"), client
                    )
                    self.assertEqual((code, errors), (0, ""))
                    self.assertEqual(result, data)
                    method, asked, headers, body = self.server.requests[0]
                    self.assertEqual((method, asked), ("POST", path))
                    self.assertEqual(headers["Authorization"], "Bearer secret-token")
                    self.assertEqual(headers["Content-Type"], "application/json")
                    self.assertEqual(json.loads(body), expected)

    def test_token_and_address_from_the_environment(self):
        self.server.answer("/api/v1/packs/dependencies", {"data": {}})
        code, _, _ = run("get_pack_dependencies", {"pack_paths": ["/a"]},
                         ATTUNE_API_URL=self.server.url, ATTUNE_API_TOKEN="from-environment")
        self.assertEqual(code, 0)
        self.assertEqual(self.server.requests[0][2]["Authorization"], "Bearer from-environment")

    def test_error_answers_keep_the_shape(self):
        self.server.answer("/api/v1/packs/download", {"error": "short", "message": "Missing \"token\""}, 401)
        self.server.answer("/api/v1/packs/register-batch", b"<html>", 502)
        self.server.answer("/api/v1/packs/build-envs", b"not json")
        for client in CLIENTS:
            with self.subTest(client=client):
                code, result, errors = run(
                    "download_packs", {"packs": ["core"], "destination_dir": "/tmp/x", "api_url": self.server.url}, client
                )
                self.assertEqual(code, 1)
                self.assertEqual(
                    result["failed_packs"],
                    [{"source": "api", "error": 'API call failed (HTTP 401): Missing "token"'}],
                )
                self.assertIn("HTTP 401", errors)
                code, result, _ = run("register_packs", {"pack_paths": ["/a"], "api_url": self.server.url}, client)
                self.assertEqual(code, 1)
                self.assertEqual(result["failed_packs"][0]["error_stage"], "api_call")
                code, result, _ = run("build_pack_envs", {"pack_paths": ["/a"], "api_url": self.server.url}, client)
                self.assertEqual(code, 1)
                self.assertEqual(result["failed_environments"][0]["pack_ref"], "api")

    def test_no_answer(self):
        with Server() as closed:
            address = closed.url
        for client in CLIENTS:
            with self.subTest(client=client):
                code, result, errors = run("get_pack_dependencies", {"pack_paths": ["/a"], "api_url": address}, client)
                self.assertEqual(code, 1)
                self.assertIn("no answer from " + address, result["errors"][0]["error"])
                self.assertNotIn("HTTP 0", errors)

    def test_wrong_input_is_not_sent(self):
        for action, text, expected in [
            ("download_packs", "destination_dir='/x'", "packs is required"),
            ("download_packs", "packs='[]'\ndestination_dir='/x'", "at least one"),
            ("download_packs", "packs='[\"core\"]'", "destination_dir is required"),
            ("register_packs", "pack_paths='[\"a\"],\"force\":true,\"x\":[\"b\"]'", "must be a JSON array"),
            ("build_pack_envs", "pack_paths='[\"a\"]'\napi_token='a b'", "api_token"),
        ]:
            with self.subTest(text=text):
                code, result, errors = run(action, None, text=text, ATTUNE_API_URL=self.server.url)
                self.assertEqual(code, 1)
                self.assertIn(expected, json.dumps(result))
                self.assertIn(expected, errors)
        self.assertEqual(self.server.requests, [])

    def test_redirects_are_not_followed(self):
        self.server.answer("/api/v1/packs/dependencies", b"", 307, {"Location": self.server.url + "/elsewhere"})
        for client in CLIENTS:
            with self.subTest(client=client):
                self.server.requests.clear()
                code, _, _ = run("get_pack_dependencies", {"pack_paths": [], "api_url": self.server.url}, client)
                self.assertEqual(code, 1)
                self.assertEqual(len(self.server.requests), 1)


class HttpRequest(ServerCase):
    def each_client(self, parameters, path="/"):
        for client in CLIENTS:
            with self.subTest(client=client):
                self.server.requests.clear()
                yield run("http_request", dict({"url": self.server.url + path}, **parameters), client)

    def test_get(self):
        self.server.answer("/?q=a%20b", {"ok": True}, headers={"X-Reply": "yes", "Content-Type": "application/json"})
        headers = {"X-One": 'a "quoted" value', "Accept": "application/json"}
        for code, result, errors in self.each_client({"headers": headers, "bearer_token": "t0ken"}, "/?q=a%20b"):
            self.assertEqual((code, errors), (0, ""))
            self.assertEqual(result["status_code"], 200)
            self.assertTrue(result["success"])
            self.assertEqual(result["json"], {"ok": True})
            self.assertEqual(json.loads(result["body"]), {"ok": True})
            self.assertEqual(result["headers"]["x-reply"], "yes")
            self.assertEqual(result["url"], self.server.url + "/?q=a%20b")
            sent = self.server.requests[0][2]
            self.assertEqual(sent["X-One"], 'a "quoted" value')
            self.assertEqual(sent["Authorization"], "Bearer t0ken")

    def test_headers_as_one_object(self):
        self.server.answer("/", b"text")
        text = "url='%s/'\nheaders='{\"X-Two\": \"b\"}'" % self.server.url
        code, result, _ = run("http_request", None, text=text)
        self.assertEqual((code, result["body"], result["json"]), (0, "text", None))
        self.assertEqual(self.server.requests[0][2]["X-Two"], "b")

    def test_methods_and_bodies(self):
        self.server.answer("/", b"")
        for method, body in [("POST", "line 1\nit's line 2"), ("PUT", "x"), ("DELETE", ""), ("POST", ""), ("HEAD", "")]:
            for code, _, errors in self.each_client({"method": method, "body": body}):
                self.assertEqual((code, errors), (0, ""))
                self.assertEqual(self.server.requests[0][0], method)
                self.assertEqual(self.server.requests[0][3].decode(), body)

    def test_damaged_text_becomes_valid_json(self):
        self.server.answer("/", b'\xff "\x00\n')
        for code, result, _ in self.each_client({}):
            self.assertEqual(code, 0)
            self.assertTrue(result["body"].startswith('\ufffd "'))

    def test_error_status(self):
        for code, result, _ in self.each_client({}, "/missing"):
            self.assertEqual((code, result["status_code"], result["success"]), (0, 404, False))
        for code, result, errors in self.each_client({"fail_on_error": True}, "/missing"):
            self.assertEqual((code, result["status_code"]), (1, 404))
            self.assertIn("status 404", errors)

    def test_redirects_keep_credentials_on_one_host(self):
        with Server() as other:
            other.answer("/end", b"there")
            self.server.answer("/", b"", 302, {"Location": other.url + "/end"})
            for code, result, _ in self.each_client({"bearer_token": "t0ken"}):
                self.assertEqual((code, result["body"], result["url"]), (0, "there", other.url + "/end"))
                self.assertNotIn("Authorization", other.requests.pop()[2])
            for code, result, _ in self.each_client({"max_redirects": 0}):
                self.assertEqual((code, result["status_code"]), (0, 302))

    def test_endless_redirects_and_refused_addresses(self):
        self.server.answer("/", b"", 302, {"Location": "/"})
        for code, result, errors in self.each_client({"max_redirects": 3}):
            self.assertEqual((code, result), (1, None))
            self.assertIn("redirects", errors)
        for url in ("file:///etc/passwd", "ftp://127.0.0.1/", "", "http://127.0.0.1/\nx"):
            with self.subTest(url=url):
                code, result, _ = run("http_request", {"url": url})
                self.assertNotEqual(code, 0)
                self.assertIsNone(result)


if __name__ == "__main__":
    unittest.main()
