#!/usr/bin/env python3
"""Adds an emoji reaction to a message."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from slack_api import Slack


def run(parameters):
    slack = Slack(parameters)
    arguments = {
        "channel": parameters.text("channel", required=True),
        "timestamp": parameters.text("ts", required=True),
        "name": parameters.text("name", required=True).strip(":"),
    }
    try:
        slack.call("reactions.add", arguments)
    except action.Failure as failure:
        if "already_reacted" not in str(failure):
            raise
        return {"added": False}
    return {"added": True}


if __name__ == "__main__":
    action.main(run)
