"""A web server on the loopback interface, and ways to run the scripts of this pack."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

sys.dont_write_bytecode = True
PACK = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PACK / "lib"))

# Neither proxies nor credentials of the person who runs the tests may play a part.
for _name in list(os.environ):
    if _name.startswith(("AWS_", "GITHUB_", "SLACK_")):
        del os.environ[_name]
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "*"


class Request:
    def __init__(self, method, target, headers, body):
        self.method = method
        self.target = target
        self.path = urlsplit(target).path
        self.query = {name: values[-1] for name, values in parse_qs(urlsplit(target).query, True).items()}
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def form(self):
        return {name: values[-1] for name, values in parse_qs(self.body.decode(), True).items()}


class StubServer:
    """Routes (method, path) to a function that returns (status, headers, body)."""

    def __init__(self):
        owner = self
        self.requests = []
        self.routes = {}

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self):
                size = int(self.headers.get("Content-Length") or 0)
                request = Request(self.command, self.path, dict(self.headers), self.rfile.read(size))
                owner.requests.append(request)
                route = owner.routes.get((self.command, request.path))
                status, headers, body = route(request) if route else (404, {}, {"message": "Not Found"})
                if not isinstance(body, bytes):
                    body = json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = "http://127.0.0.1:%d" % self.port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def on(self, method, path, *answers):
        """Gives the answers one after the other; the last one stays."""
        left = list(answers)

        def route(request):
            answer = left.pop(0) if len(left) > 1 else left[0]
            if callable(answer):
                answer = answer(request)
            return answer if isinstance(answer, tuple) else (200, {}, answer)

        self.routes[(method, path)] = route

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class PackTest(unittest.TestCase):
    """A test with a server in self.stub."""

    def setUp(self):
        self.stub = StubServer()
        self.addCleanup(self.stub.close)


def load(relative):
    """Imports a script of the pack, to call its functions without a new process."""
    path = PACK / relative
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def call(name, /, **parameters):
    """Runs an action in this process and returns its result."""
    from action import Parameters

    result = load("actions/%s.py" % name).run(Parameters(parameters))
    return json.loads(json.dumps(result))


def execute(relative, parameters, **environment):
    """Runs a script as the platform does. Returns exit code, standard output, standard error."""
    text = parameters if isinstance(parameters, str) else json.dumps(parameters)
    done = subprocess.run(
        [str(PACK / relative)],
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        env={"PATH": os.environ["PATH"], **environment},
    )
    return done.returncode, done.stdout, done.stderr


class LayoutTest(unittest.TestCase):
    """Every script can be executed, and every component file has one."""

    def test_scripts(self):
        for folder in ("actions", "sensors"):
            for manifest in sorted((PACK / folder).glob("*.yaml")):
                script = manifest.with_suffix(".py")
                with self.subTest(script=script.name):
                    self.assertTrue(os.access(script, os.X_OK))
                    self.assertTrue(script.read_text().startswith("#!/usr/bin/env python3\n"))
                    self.assertIn(".%s\n" % manifest.stem, manifest.read_text())
