#!/usr/bin/env python3
"""Uploads text or a local file and shares it in a channel."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
import web
from slack_api import Slack


MAX_FILE_BYTES = 64 * 1024 * 1024


def read_content(parameters):
    """The bytes to upload, and the name they get."""
    content = parameters.text("content")
    path = parameters.text("path")
    if (content is None) == (path is None):
        raise action.WrongParameter("give either content or path")
    if content is not None:
        return content.encode(), parameters.text("filename", "snippet.txt")
    try:
        if os.path.getsize(path) > MAX_FILE_BYTES:
            raise action.WrongParameter("%s is larger than %d bytes" % (path, MAX_FILE_BYTES))
        with open(path, "rb") as source:
            return source.read(), parameters.text("filename", os.path.basename(path))
    except OSError as problem:
        raise action.Failure("cannot read %s: %s" % (path, problem.strerror)) from None


def run(parameters):
    slack = Slack(parameters)
    data, filename = read_content(parameters)
    place = slack.call("files.getUploadURLExternal", {"filename": filename, "length": len(data)}, form=True)
    upload_url = action.safe_url("the upload URL", place["upload_url"])
    headers = {"Content-Type": "application/octet-stream"}
    answer = web.send("POST", upload_url, headers, data, slack.timeout, "Slack")
    if answer.status != 200:
        raise action.Failure("Slack refused the upload (status %d)" % answer.status)
    described = {"id": place["file_id"], "title": parameters.text("title", filename)}
    done = slack.call(
        "files.completeUploadExternal",
        {
            "files": [described],
            "channel_id": parameters.text("channel"),
            "initial_comment": parameters.text("comment"),
            "thread_ts": parameters.text("thread_ts"),
        },
    )
    files = done.get("files") or [{}]
    return {"file_id": place["file_id"], "size_bytes": len(data), "permalink": files[0].get("permalink")}


if __name__ == "__main__":
    action.main(run)
