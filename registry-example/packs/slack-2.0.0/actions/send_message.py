#!/usr/bin/env python3
"""Sends a message to a Slack channel or a person."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from slack_api import Slack, message_of


def run(parameters):
    slack = Slack(parameters)
    message = message_of(parameters)
    message["channel"] = parameters.text("channel", required=True)
    message["unfurl_links"] = parameters.boolean("unfurl_links", True)
    sent = slack.call("chat.postMessage", message)
    return {"channel": sent["channel"], "ts": sent["ts"]}


if __name__ == "__main__":
    action.main(run)
