"""Tests of the Slack pack. Nothing leaves the machine."""

import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from stub import LayoutTest, PackTest, call, execute, load  # noqa: E402,F401

from action import Failure, Parameters, WrongParameter  # noqa: E402


class SlackTest(PackTest):
    def access(self, **parameters):
        return dict({"token": "xoxb-test", "api_url": self.stub.url + "/api"}, **parameters)


class SendMessage(SlackTest):
    def test_message(self):
        self.stub.on("POST", "/api/chat.postMessage", {"ok": True, "channel": "C1", "ts": "5.1"})
        result = call("send_message", **self.access(channel="#ops", text="caf\u00e9", unfurl_links=False))
        self.assertEqual((result["channel"], result["ts"]), ("C1", "5.1"))
        request = self.stub.requests[0]
        self.assertEqual(request.headers["Authorization"], "Bearer xoxb-test")
        self.assertEqual(request.json(), {"channel": "#ops", "text": "caf\u00e9", "unfurl_links": False})

    def test_reply(self):
        self.stub.on("POST", "/api/chat.postMessage", {"ok": True, "channel": "C1", "ts": "5.2"})
        result = call("send_message", **self.access(channel="C1", text="x", thread_ts="5.1", reply_broadcast=True))
        self.assertEqual(result["thread_ts"], "5.1")
        sent = self.stub.requests[0].json()
        self.assertEqual((sent["thread_ts"], sent["reply_broadcast"]), ("5.1", True))

    def test_blocks_without_text(self):
        self.stub.on("POST", "/api/chat.postMessage", {"ok": True, "channel": "C1", "ts": "5.1"})
        call("send_message", **self.access(channel="C1", blocks=[{"type": "divider"}]))
        self.assertEqual(self.stub.requests[0].json()["blocks"], [{"type": "divider"}])

    def test_refusal_is_explained(self):
        self.stub.on("POST", "/api/chat.postMessage", {"ok": False, "error": "not_in_channel"})
        with self.assertRaisesRegex(Failure, "not_in_channel, invite the bot"):
            call("send_message", **self.access(channel="C1", text="x"))

    def test_rate_limit_is_waited_for(self):
        limited = (429, {"Retry-After": "0"}, {"ok": False, "error": "ratelimited"})
        self.stub.on("POST", "/api/chat.postMessage", limited, limited, {"ok": True, "channel": "C1", "ts": "5.1"})
        call("send_message", **self.access(channel="C1", text="x"))
        self.assertEqual(len(self.stub.requests), 3)

    def test_long_rate_limit_fails(self):
        self.stub.on("POST", "/api/chat.postMessage", (429, {"Retry-After": "900"}, {}))
        with self.assertRaisesRegex(Failure, "900 seconds"):
            call("send_message", **self.access(channel="C1", text="x"))

    def test_server_error_and_nonsense(self):
        self.stub.on("POST", "/api/chat.postMessage", (502, {}, b"bad gateway"), b"<html>")
        for expected in ("status 502", "no JSON"):
            with self.assertRaisesRegex(Failure, expected):
                call("send_message", **self.access(channel="C1", text="x"))

    def test_wrong_parameters(self):
        for parameters, expected in [
            ({"channel": "C1"}, "text or blocks"),
            ({"text": "x"}, "channel is required"),
            ({"channel": "C1", "text": "x", "token": ""}, "SLACK_BOT_TOKEN"),
            ({"channel": "C1", "text": "x", "token": "a\r\nX: y"}, "token holds"),
            ({"channel": "C1", "text": "x", "api_url": "http://slack.example.org"}, "https"),
            ({"channel": "C1", "text": "x", "timeout": "soon"}, "timeout must be"),
            ({"channel": 5, "text": "x"}, "channel must be a string"),
        ]:
            with self.subTest(expected=expected), self.assertRaisesRegex(WrongParameter, expected):
                call("send_message", **self.access(**parameters))
        self.assertEqual(self.stub.requests, [])

    def test_as_a_process(self):
        self.stub.on("POST", "/api/chat.postMessage", {"ok": True, "channel": "C1", "ts": "5.1"})
        parameters = {"channel": "C1", "text": "x", "api_url": self.stub.url + "/api"}
        code, output, errors = execute("actions/send_message.py", parameters, SLACK_BOT_TOKEN="from-environment")
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(json.loads(output)["ts"], "5.1")
        self.assertEqual(self.stub.requests[0].headers["Authorization"], "Bearer from-environment")
        code, output, errors = execute("actions/send_message.py", parameters)
        self.assertEqual((code, output), (2, ""))
        self.assertEqual(errors, "send_message: token is required (or set SLACK_BOT_TOKEN)\n")
        code, output, errors = execute("actions/send_message.py", "{not json")
        self.assertEqual((code, output), (2, ""))
        self.assertIn("not valid JSON", errors)


class Webhook(SlackTest):
    def test_delivery(self):
        self.stub.on("POST", "/hook/secret", b"ok")
        result = call("post_webhook", webhook_url=self.stub.url + "/hook/secret", text="hello")
        self.assertEqual(result, {"delivered": True, "response": "ok"})
        self.assertEqual(self.stub.requests[0].json(), {"text": "hello"})

    def test_refusal_does_not_show_the_url(self):
        self.stub.on("POST", "/hook/secret", (403, {}, b"invalid_token"))
        with self.assertRaisesRegex(Failure, "status 403: invalid_token") as caught:
            call("post_webhook", webhook_url=self.stub.url + "/hook/secret", text="hello")
        self.assertNotIn("secret", str(caught.exception))

    def test_no_answer(self):
        address = self.stub.url
        self.stub.close()
        with self.assertRaisesRegex(Failure, "Slack did not answer: Connection refused"):
            call("post_webhook", webhook_url=address + "/hook/secret", text="hello")


class Lookups(SlackTest):
    def test_channels_over_pages(self):
        def page(request):
            first = "cursor" not in request.form()
            names = ["general", "ops"] if first else ["random"]
            return {
                "ok": True,
                "channels": [{"id": "C" + name, "name": name, "is_member": True, "num_members": 3} for name in names],
                "response_metadata": {"next_cursor": "next" if first else ""},
            }

        self.stub.on("POST", "/api/conversations.list", page)
        result = call("list_channels", **self.access())
        self.assertEqual([channel["name"] for channel in result["channels"]], ["general", "ops", "random"])
        self.assertFalse(result["truncated"])
        self.assertEqual(self.stub.requests[0].form()["exclude_archived"], "true")
        result = call("list_channels", **self.access(limit=1))
        self.assertEqual((len(result["channels"]), result["truncated"]), (1, True))

    def test_user(self):
        user = {"id": "U1", "name": "ada", "tz": "Europe/London", "profile": {"real_name": "Ada", "email": "a@b.org"}}
        self.stub.on("POST", "/api/users.lookupByEmail", {"ok": True, "user": user})
        self.stub.on("POST", "/api/users.info", {"ok": True, "user": user})
        for wanted in ("a@b.org", "U1"):
            result = call("get_user", **self.access(user=wanted))
            self.assertEqual((result["id"], result["real_name"], result["is_bot"]), ("U1", "Ada", False))
        self.assertEqual(self.stub.requests[0].form(), {"email": "a@b.org"})
        self.assertEqual(self.stub.requests[1].form(), {"user": "U1"})


class Files(SlackTest):
    def setUp(self):
        super().setUp()
        place = {"ok": True, "upload_url": self.stub.url + "/upload/1", "file_id": "F1"}
        self.stub.on("POST", "/api/files.getUploadURLExternal", place)
        self.stub.on("POST", "/upload/1", b"OK - 5")
        done = {"ok": True, "files": [{"id": "F1", "permalink": "https://example.org/F1"}]}
        self.stub.on("POST", "/api/files.completeUploadExternal", done)

    def test_upload_of_a_file(self):
        with tempfile.TemporaryDirectory() as scratch:
            path = os.path.join(scratch, "report.bin")
            with open(path, "wb") as target:
                target.write(b"\x00\xffabc")
            result = call("upload_file", **self.access(channel="C1", path=path, comment="see"))
        self.assertEqual(result, {"file_id": "F1", "size_bytes": 5, "permalink": "https://example.org/F1"})
        asked, uploaded, finished = self.stub.requests
        self.assertEqual(asked.form(), {"filename": "report.bin", "length": "5"})
        self.assertEqual(uploaded.body, b"\x00\xffabc")
        self.assertNotIn("Authorization", uploaded.headers)
        self.assertEqual(finished.json()["files"], [{"id": "F1", "title": "report.bin"}])

    def test_upload_of_text(self):
        call("upload_file", **self.access(content="hello", filename="a.txt"))
        self.assertEqual(self.stub.requests[1].body, b"hello")
        self.assertNotIn("channel_id", self.stub.requests[2].json())

    def test_upload_needs_one_source(self):
        for parameters in ({}, {"content": "a", "path": "/b"}):
            with self.assertRaisesRegex(WrongParameter, "either content or path"):
                call("upload_file", **self.access(**parameters))
        with self.assertRaisesRegex(Failure, "cannot read"):
            call("upload_file", **self.access(path="/nonexistent/file"))

    def test_reaction(self):
        self.stub.on("POST", "/api/reactions.add", {"ok": True}, {"ok": False, "error": "already_reacted"})
        self.assertTrue(call("add_reaction", **self.access(channel="C1", ts="5.1", name=":tada:"))["added"])
        self.assertFalse(call("add_reaction", **self.access(channel="C1", ts="5.1", name="tada"))["added"])
        self.assertEqual(self.stub.requests[0].json(), {"channel": "C1", "timestamp": "5.1", "name": "tada"})


class ChannelMonitor(SlackTest):
    def test_only_new_messages_in_order(self):
        def history(*messages):
            return {"ok": True, "messages": list(messages)}

        self.stub.on(
            "POST",
            "/api/conversations.history",
            history({"ts": "100.000001", "text": "old"}),
            history({"ts": "102.0", "text": "c", "user": "U1"}, {"ts": "101.5", "text": "b", "bot_id": "B1"},
                    {"ts": "100.000002", "text": "a", "user": "U2"}),
            history(),
        )
        poll = load("sensors/channel_monitor.py").make_poll(Parameters(self.access(channel="C1")))
        self.assertEqual(poll(), [])
        events = poll()
        self.assertEqual([payload["text"] for _, payload in events], ["a", "c"])
        self.assertEqual({trigger for trigger, _ in events}, {"slack.message_posted"})
        self.assertEqual(poll(), [])
        self.assertEqual(self.stub.requests[1].form()["oldest"], "100.000001")
        self.assertEqual(self.stub.requests[2].form()["oldest"], "102.0")

    def test_a_failed_poll_does_not_end_the_sensor(self):
        self.stub.on("POST", "/api/conversations.history", {"ok": False, "error": "invalid_auth"})
        parameters = self.access(channel="C1", max_polls=1)
        code, output, errors = execute("sensors/channel_monitor.py", parameters)
        self.assertEqual((code, output), (0, ""))
        self.assertIn("poll failed: Slack refused conversations.history: invalid_auth", errors)


if __name__ == "__main__":
    unittest.main()
