"""HTTP requests with the standard library: bounded, without surprising redirects."""

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.request

from action import Failure

MAX_BYTES = 32 * 1024 * 1024


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is returned as it is: credentials never travel to another address."""

    def redirect_request(self, *_arguments):
        return None


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self, service):
        try:
            return json.loads(self.body)
        except ValueError:
            raise Failure("%s answered with status %d and no JSON" % (service, self.status)) from None


def send(method, url, headers=None, body=None, timeout=30, service="the server"):
    """Sends one request. Every status is an answer; no answer at all is a Failure."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    opener = urllib.request.build_opener(_NoRedirects())
    try:
        try:
            reply = opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as refused:
            reply = refused
        with reply:
            content = reply.read(MAX_BYTES + 1)
            status, received = reply.status, reply.headers
    except (OSError, ValueError, http.client.HTTPException) as problem:
        raise Failure("%s did not answer: %s" % (service, reason(problem))) from None
    if len(content) > MAX_BYTES:
        raise Failure("%s answered with more than %d bytes" % (service, MAX_BYTES))
    return Answer(status, received, content)


def reason(problem):
    """A short text for a network error."""
    inner = getattr(problem, "reason", problem)
    if isinstance(inner, ssl.SSLCertVerificationError):
        return "the certificate was not accepted (%s)" % inner.verify_message
    if isinstance(inner, (socket.timeout, TimeoutError)):
        return "timed out"
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    return str(inner) or type(inner).__name__
