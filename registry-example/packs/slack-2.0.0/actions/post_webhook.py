#!/usr/bin/env python3
"""Sends a message through an incoming webhook."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from slack_api import message_of, post_webhook


def run(parameters):
    url = parameters.text("webhook_url", required=True, environment="SLACK_WEBHOOK_URL")
    url = action.safe_url("webhook_url", url)
    response = post_webhook(url, message_of(parameters), parameters.integer("timeout", 30, 1, 300))
    return {"delivered": True, "response": response}


if __name__ == "__main__":
    action.main(run)
