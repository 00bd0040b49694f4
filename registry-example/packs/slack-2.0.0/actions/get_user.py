#!/usr/bin/env python3
"""Looks up a person by e-mail address or user ID."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from slack_api import Slack


def run(parameters):
    slack = Slack(parameters)
    wanted = parameters.text("user", required=True)
    if "@" in wanted:
        user = slack.call("users.lookupByEmail", {"email": wanted}, form=True)["user"]
    else:
        user = slack.call("users.info", {"user": wanted}, form=True)["user"]
    profile = user.get("profile") or {}
    return {
        "id": user["id"],
        "name": user.get("name"),
        "real_name": profile.get("real_name") or user.get("real_name"),
        "email": profile.get("email"),
        "time_zone": user.get("tz"),
        "is_bot": bool(user.get("is_bot")),
        "deleted": bool(user.get("deleted")),
    }


if __name__ == "__main__":
    action.main(run)
