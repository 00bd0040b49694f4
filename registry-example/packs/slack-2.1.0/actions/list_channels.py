#!/usr/bin/env python3
"""Lists the channels that the bot can see."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from slack_api import Slack


def run(parameters):
    slack = Slack(parameters)
    arguments = {
        "types": parameters.text("types", "public_channel"),
        "exclude_archived": "false" if parameters.boolean("include_archived") else "true",
    }
    most = parameters.integer("limit", 1000, 1, 10000)
    channels, truncated = slack.pages("conversations.list", arguments, "channels", most)
    shown = [
        {
            "id": channel["id"],
            "name": channel.get("name"),
            "is_private": bool(channel.get("is_private")),
            "is_member": bool(channel.get("is_member")),
            "members": channel.get("num_members"),
        }
        for channel in channels
    ]
    return {"channels": shown, "truncated": truncated}


if __name__ == "__main__":
    action.main(run)
