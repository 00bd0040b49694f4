"""Runs an action or a sensor.

Parameters arrive as one JSON object on standard input. The result leaves as one
JSON object on standard output. A failure is one line on standard error and a
non-zero exit code: 2 for wrong parameters, 1 for everything else.
"""

import json
import os
import signal
import sys
import threading
from datetime import datetime, timezone
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Failure(Exception):
    """The action cannot do what it was asked for. The text says why."""

    exit_code = 1


class WrongParameter(Failure):
    """A parameter is missing or has a value that makes no sense."""

    exit_code = 2


class Parameters:
    """The parameters of one execution, read with checks."""

    def __init__(self, values):
        if not isinstance(values, dict):
            raise WrongParameter("the parameters must be a JSON object")
        self.values = values

    def text(self, name, default=None, required=False, choices=None, environment=None):
        """A string. Empty counts as absent; then the environment variable is asked."""
        value = self.values.get(name)
        if value is None or value == "":
            value = os.environ.get(environment, "") if environment else ""
            if value == "":
                value = default
        if value is None:
            if not required:
                return None
            hint = " (or set %s)" % environment if environment else ""
            raise WrongParameter("%s is required%s" % (name, hint))
        if not isinstance(value, str):
            raise WrongParameter("%s must be a string" % name)
        if choices and value not in choices:
            raise WrongParameter("%s must be one of %s" % (name, ", ".join(choices)))
        return value

    def integer(self, name, default=None, least=None, most=None):
        value = self.values.get(name)
        if value is None or value == "":
            if default is None:
                raise WrongParameter("%s is required" % name)
            return default
        if isinstance(value, str) and value.strip().lstrip("-").isdigit():
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise WrongParameter("%s must be a whole number" % name)
        if least is not None and value < least:
            raise WrongParameter("%s must be at least %d" % (name, least))
        if most is not None and value > most:
            raise WrongParameter("%s must be at most %d" % (name, most))
        return value

    def boolean(self, name, default=False):
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise WrongParameter("%s must be true or false" % name)
        return value

    def strings(self, name, required=False):
        """A list of strings. One string with commas is taken as a list, too."""
        value = self.values.get(name)
        if isinstance(value, str):
            value = [item.strip() for item in value.split(",") if item.strip()]
        if not value:
            if required:
                raise WrongParameter("%s needs at least one item" % name)
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise WrongParameter("%s must be a list of strings" % name)
        return value

    def mapping(self, name):
        value = self.values.get(name)
        if value is None or value == "":
            return {}
        if not isinstance(value, dict):
            raise WrongParameter("%s must be an object" % name)
        return value


def safe_url(name, value):
    """The URL without a final slash. Plain http is fine on the loopback interface only."""
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        raise WrongParameter("%s is not a valid URL" % name) from None
    if not host or any(ord(char) <= 32 or ord(char) == 127 for char in value):
        raise WrongParameter("%s is not a valid URL" % name)
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise WrongParameter("%s must start with https://" % name)
    return value.rstrip("/")


def now():
    """The current time, RFC 3339 in UTC."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_parameters():
    text = sys.stdin.buffer.read().decode("utf-8")
    return Parameters(json.loads(text) if text.strip() else {})


def _guarded(work):
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    try:
        work(read_parameters())
    except Failure as failure:
        sys.stderr.write("%s: %s\n" % (name, failure))
        sys.exit(failure.exit_code)
    except ValueError as problem:
        sys.stderr.write("%s: the parameters are not valid JSON: %s\n" % (name, problem))
        sys.exit(2)


def main(run):
    """Runs an action: run(parameters) returns the result."""

    def work(parameters):
        try:
            result = run(parameters)
        except ValueError as problem:
            raise Failure("unexpected value: %s" % problem) from problem
        json.dump(result, sys.stdout)
        sys.stdout.write("\n")

    _guarded(work)


def main_sensor(make_poll):
    """Runs a sensor: make_poll(parameters) returns a function that returns new events.

    It is called every poll_interval seconds, max_polls times (0: until stopped).
    Each event, a pair of trigger and payload, becomes one line of JSON. A poll
    that fails is reported on standard error, and the sensor goes on.
    """
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_ignored: stopped.set())

    def work(parameters):
        interval = parameters.integer("poll_interval", 60, 1, 86400)
        left = parameters.integer("max_polls", 0, 0)
        poll = make_poll(parameters)
        while not stopped.is_set():
            try:
                events = poll()
            except Failure as failure:
                sys.stderr.write("poll failed: %s\n" % failure)
                events = []
            for trigger, payload in events:
                sys.stdout.write(json.dumps({"trigger": trigger, "payload": payload}) + "\n")
            sys.stdout.flush()
            if left == 1:
                return
            left = max(0, left - 1)
            stopped.wait(interval)

    _guarded(work)
