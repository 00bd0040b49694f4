"""The Slack Web API and incoming webhooks."""

import json
import time
from urllib.parse import urlencode

import web
from action import Failure, WrongParameter, safe_url

MAX_ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 60

# What the most frequent error names mean, for people who do not know them by heart.
HINTS = {
    "channel_not_found": "the channel does not exist or the bot cannot see it",
    "not_in_channel": "invite the bot to the channel first",
    "invalid_auth": "the token is not valid",
    "not_authed": "no token was sent",
    "missing_scope": "the token lacks a permission scope",
    "token_revoked": "the token was revoked",
}


def _refused(method, answer):
    name = str(answer.get("error", "unknown error"))
    text = "Slack refused %s: %s" % (method, name)
    if name in HINTS:
        text += ", " + HINTS[name]
    if answer.get("needed"):
        text += " (needed: %s)" % answer["needed"]
    return Failure(text)


def _deliver(method, url, headers, body, timeout):
    """Sends a request and waits when Slack asks for it, within limits."""
    for attempt in range(1, MAX_ATTEMPTS + 1):
        answer = web.send("POST", url, headers, body, timeout, "Slack")
        if answer.status != 429:
            return answer
        given = answer.headers.get("Retry-After", "1")
        wait = int(given) if given.isdigit() else 1
        if attempt == MAX_ATTEMPTS or wait > LONGEST_WAIT_SECONDS:
            raise Failure("Slack limits the rate of %s; try again in %d seconds" % (method, wait))
        time.sleep(wait)
    raise AssertionError("unreachable")


class Slack:
    """Calls of the Web API with one token."""

    def __init__(self, parameters):
        self.token = parameters.text("token", required=True, environment="SLACK_BOT_TOKEN")
        if any(ord(char) <= 32 or ord(char) > 126 for char in self.token):
            raise WrongParameter("token holds a character that no token has")
        self.base = safe_url("api_url", parameters.text("api_url", "https://slack.com/api"))
        self.timeout = parameters.integer("timeout", 30, 1, 300)

    def call(self, method, arguments, form=False):
        """Calls one method. Members that are None are left out."""
        arguments = {name: value for name, value in arguments.items() if value is not None}
        headers = {"Authorization": "Bearer " + self.token}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(arguments).encode()
        else:
            headers["Content-Type"] = "application/json; charset=utf-8"
            body = json.dumps(arguments).encode()
        answer = _deliver(method, "%s/%s" % (self.base, method), headers, body, self.timeout)
        if answer.status >= 500:
            raise Failure("Slack failed to handle %s (status %d)" % (method, answer.status))
        data = answer.json("Slack")
        if not isinstance(data, dict) or not data.get("ok"):
            raise _refused(method, data if isinstance(data, dict) else {})
        return data

    def pages(self, method, arguments, member, most):
        """Collects a list over all its pages, up to a number of items."""
        items, cursor = [], None
        while True:
            data = self.call(method, dict(arguments, limit=min(200, most), cursor=cursor), form=True)
            items += data.get(member) or []
            cursor = (data.get("response_metadata") or {}).get("next_cursor")
            if len(items) >= most:
                return items[:most], bool(cursor) or len(items) > most
            if not cursor:
                return items, False


def post_webhook(url, message, timeout):
    """Sends a message to an incoming webhook. The URL is a secret and appears in no error."""
    body = json.dumps(message).encode()
    answer = _deliver("the webhook", url, {"Content-Type": "application/json; charset=utf-8"}, body, timeout)
    text = answer.body.decode("utf-8", "replace").strip()
    if answer.status != 200:
        raise Failure("the webhook answered with status %d: %s" % (answer.status, text[:200] or "no reason given"))
    return text


def message_of(parameters):
    """The part of a message that both ways of sending share."""
    text = parameters.text("text")
    blocks = parameters.values.get("blocks") or None
    if text is None and blocks is None:
        raise WrongParameter("text or blocks is required")
    if blocks is not None and not isinstance(blocks, list):
        raise WrongParameter("blocks must be a list of objects")
    message = {"text": text, "blocks": blocks}
    return {name: value for name, value in message.items() if value is not None}
