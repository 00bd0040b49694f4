"""One HTTP call for lib/http.sh.

Standard input holds "name: value" settings, an empty line, then the headers.
The body to send lies in <directory>/request_body. The answer goes to
<directory>/body and <directory>/headers; standard output gets four lines:
status, milliseconds, final URL, error text.
"""

import os
import signal
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

SENSITIVE_HEADERS = ("authorization", "cookie", "proxy-authorization")


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a bounded number of redirects and keeps credentials on one host."""

    def __init__(self, limit):
        self.limit = limit
        self.followed = 0

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if self.limit == 0:
            return None
        self.followed += 1
        if self.followed > self.limit:
            raise urllib.error.URLError("more than %d redirects" % self.limit)
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            for name in list(following.headers):
                if name.lower() in SENSITIVE_HEADERS:
                    del following.headers[name]
        return following


def reason_of(error):
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "the certificate was not accepted: %s" % reason.verify_message
    if isinstance(reason, (socket.timeout, TimeoutError)):
        return "timed out"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__


def call(directory, settings, headers):
    body = None
    body_path = os.path.join(directory, "request_body")
    if os.path.exists(body_path):
        with open(body_path, "rb") as source:
            body = source.read()
    method = settings["method"]
    if method == "POST" and body is None:
        body = b""
    request = urllib.request.Request(settings["url"], data=body, method=method)
    for name, value in headers:
        request.add_header(name, value)
    context = ssl.create_default_context()
    if settings["verify"] != "true":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(
        Redirects(int(settings["redirects"])), urllib.request.HTTPSHandler(context=context)
    )
    try:
        answer = opener.open(request, timeout=int(settings["seconds"]))
    except urllib.error.HTTPError as error:
        answer = error
    limit = int(settings["max_bytes"])
    with answer:
        content = answer.read(limit + 1)
        if len(content) > limit:
            raise ValueError("the answer is larger than %d bytes" % limit)
        with open(os.path.join(directory, "body"), "wb") as target:
            target.write(content)
        with open(os.path.join(directory, "headers"), "w", encoding="utf-8") as target:
            for name, value in answer.headers.items():
                target.write("%s: %s\n" % (name, value))
        return answer.status, answer.geturl()


def main():
    directory = sys.argv[1]
    head, _, rest = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").partition("\n\n")
    settings = dict(line.split(": ", 1) for line in head.split("\n"))
    headers = []
    for line in rest.split("\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.strip(), value.strip()))

    def expired(_signal, _frame):
        raise TimeoutError()

    signal.signal(signal.SIGALRM, expired)
    signal.alarm(int(settings["seconds"]))
    started = time.monotonic()
    status, url, problem = 0, settings["url"], ""
    try:
        status, url = call(directory, settings, headers)
    except (OSError, ValueError) as error:
        problem = reason_of(error)
    except Exception as error:  # a malformed answer raises http.client exceptions
        problem = str(error) or type(error).__name__
    elapsed_ms = int((time.monotonic() - started) * 1000)
    print("%d\n%d\n%s\n%s" % (status, elapsed_ms, url, " ".join(problem.split())))


main()
