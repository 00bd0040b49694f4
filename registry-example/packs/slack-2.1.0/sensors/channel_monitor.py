#!/usr/bin/env python3
"""Follows a channel and emits an event for every new message."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from slack_api import Slack


def make_poll(parameters):
    slack = Slack(parameters)
    channel = parameters.text("channel", required=True)
    include_bots = parameters.boolean("include_bots")
    # Messages that were there before the first poll are no news.
    latest = None

    def poll():
        nonlocal latest
        arguments = {"channel": channel}
        if latest is None:
            newest = slack.call("conversations.history", dict(arguments, limit=1), form=True)["messages"]
            latest = newest[0]["ts"] if newest else "0"
            return []
        messages, _ = slack.pages("conversations.history", dict(arguments, oldest=latest), "messages", 1000)
        messages = [message for message in messages if as_number(message["ts"]) > as_number(latest)]
        messages.sort(key=lambda message: as_number(message["ts"]))
        if messages:
            latest = messages[-1]["ts"]
        return [
            ("slack.message_posted", payload_of(channel, message))
            for message in messages
            if include_bots or not message.get("bot_id")
        ]

    return poll


def as_number(ts):
    """A timestamp such as 1700000000.000200 as two whole numbers, which compare without rounding."""
    seconds, _, order = ts.partition(".")
    return int(seconds), int(order or 0)


def payload_of(channel, message):
    return {
        "channel": channel,
        "user": message.get("user"),
        "text": message.get("text", ""),
        "ts": message["ts"],
        "thread_ts": message.get("thread_ts"),
    }


if __name__ == "__main__":
    action.main_sensor(make_poll)
