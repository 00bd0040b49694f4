"""The checks behind the actions and the sensor. A failed check is a result, not an error."""

import http.client
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import action
from action import WrongParameter

MAX_BODY_BYTES = 4 * 1024 * 1024
NETWORK_PROBLEMS = (OSError, http.client.HTTPException, ValueError)


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = 5

    def __init__(self, follow):
        self.follow = follow

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if not self.follow:
            return None
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            for name in list(following.headers):
                if name.lower() in ("authorization", "cookie"):
                    del following.headers[name]
        return following


def describe(problem):
    """A network error in a few words."""
    inner = getattr(problem, "reason", problem)
    if isinstance(inner, ssl.SSLCertVerificationError):
        return "the certificate was not accepted: %s" % inner.verify_message
    if isinstance(inner, (socket.timeout, TimeoutError)):
        return "timed out"
    if isinstance(inner, ConnectionRefusedError):
        return "connection refused"
    if isinstance(inner, socket.gaierror):
        return "the name cannot be resolved"
    if isinstance(inner, ssl.SSLError):
        return "the TLS handshake failed: %s" % (inner.reason or inner)
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    return str(inner) or type(inner).__name__


def status_ranges(text):
    """The ranges behind a text such as 200-299,304."""
    ranges = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*([1-5][0-9][0-9])(?:-([1-5][0-9][0-9]))?\s*", part)
        if not found:
            raise WrongParameter("expected_status must look like 200-299,304")
        ranges.append((int(found[1]), int(found[2] or found[1])))
    return ranges


class HttpCheck:
    """One web address and what it is expected to answer."""

    def __init__(self, parameters):
        self.url = parameters.text("url", required=True)
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.netloc or re.search(r"[\x00-\x20\x7f]", self.url):
            raise WrongParameter("url must start with http:// or https://")
        if "@" in parts.netloc:
            raise WrongParameter("url must hold no credentials; use headers")
        self.method = parameters.text("method", "GET", choices=("GET", "HEAD"))
        self.ranges = status_ranges(parameters.text("expected_status", "200-299"))
        self.expected_text = parameters.text("expected_text")
        self.max_response_ms = parameters.integer("max_response_ms", 0, 0)
        self.timeout = parameters.integer("timeout", 10, 1, 120)
        self.headers = {"User-Agent": "attune-monitoring-pack"}
        for name, value in parameters.mapping("headers").items():
            self.headers[name] = str(value)
        context = ssl.create_default_context()
        if not parameters.boolean("verify_ssl", True):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self.opener = urllib.request.build_opener(
            _Redirects(parameters.boolean("follow_redirects", True)),
            urllib.request.HTTPSHandler(context=context),
        )

    def run(self):
        status, problem = None, None
        started = time.monotonic()
        try:
            status, body = self._ask()
        except NETWORK_PROBLEMS as error:
            problem = describe(error)
        elapsed_ms = int((time.monotonic() - started) * 1000)
        if problem is None:
            problem = self._judge(status, body, elapsed_ms)
        return {
            "ok": problem is None,
            "url": self.url,
            "status_code": status,
            "response_ms": elapsed_ms,
            "problem": problem,
            "checked_at": action.now(),
        }

    def _ask(self):
        request = urllib.request.Request(self.url, headers=self.headers, method=self.method)
        try:
            answer = self.opener.open(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.status, answer.read(MAX_BODY_BYTES)

    def _judge(self, status, body, elapsed_ms):
        if not any(low <= status <= high for low, high in self.ranges):
            return "status %d" % status
        if self.expected_text and self.expected_text not in body.decode("utf-8", "replace"):
            return "the answer does not hold the expected text"
        if self.max_response_ms and elapsed_ms > self.max_response_ms:
            return "the answer took %d ms" % elapsed_ms
        return None


def tcp_check(host, port, timeout, expected_banner=None):
    """Connects to a port and, if asked to, waits for what the server says first."""
    problem, banner, address = None, None, None
    started = time.monotonic()
    connect_ms = None
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connect_ms = int((time.monotonic() - started) * 1000)
            address = connection.getpeername()[0]
            if expected_banner:
                received = b""
                while expected_banner.encode() not in received and len(received) < 4096:
                    part = connection.recv(1024)
                    if not part:
                        break
                    received += part
                banner = received.decode("utf-8", "replace").strip()
                if expected_banner not in banner:
                    problem = "the server does not say the expected text"
    except (OSError, ValueError) as error:
        problem = describe(error)
    return {
        "ok": problem is None,
        "host": host,
        "port": port,
        "address": address,
        "connect_ms": connect_ms,
        "banner": banner,
        "problem": problem,
        "checked_at": action.now(),
    }


def level(value, warning, critical):
    """ok, warning or critical for a value that should be low."""
    if value >= critical:
        return "critical"
    return "warning" if value >= warning else "ok"
