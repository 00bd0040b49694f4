"""Tests of the monitoring pack. Nothing leaves the machine."""

import json
import os
import socket
import ssl
import sys
import tempfile
import threading
import unittest
from datetime import datetime, timedelta, timezone

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import selfsigned  # noqa: E402
from stub import LayoutTest, PackTest, call, execute, load  # noqa: E402,F401

from action import Failure, Parameters, WrongParameter  # noqa: E402
from checks import level, status_ranges  # noqa: E402


class HttpCheck(PackTest):
    def test_healthy(self):
        self.stub.on("GET", "/health", b"all is well")
        result = call("http_check", url=self.stub.url + "/health", expected_text="well", headers={"X-Probe": "1"})
        self.assertEqual((result["ok"], result["status_code"], result["problem"]), (True, 200, None))
        self.assertEqual(self.stub.requests[0].headers["X-Probe"], "1")

    def test_problems(self):
        self.stub.on("GET", "/health", b"degraded")
        self.stub.on("GET", "/moved", (302, {"Location": "/health"}, b""))
        self.stub.on("GET", "/loop", (302, {"Location": "/loop"}, b""))
        for path, parameters, problem in [
            ("/health", {"expected_text": "well"}, "the answer does not hold the expected text"),
            ("/missing", {}, "status 404"),
            ("/health", {"expected_status": "201, 300-399"}, "status 200"),
            ("/moved", {}, None),
            ("/moved", {"follow_redirects": False}, "status 302"),
        ]:
            with self.subTest(path=path, parameters=parameters):
                result = call("http_check", url=self.stub.url + path, **parameters)
                self.assertEqual((result["ok"], result["problem"]), (problem is None, problem))
        self.assertFalse(call("http_check", url=self.stub.url + "/loop")["ok"])

    def test_slow_answer(self):
        check = load("actions/http_check.py").HttpCheck(Parameters({"url": self.stub.url, "max_response_ms": 5}))
        self.assertEqual(check._judge(200, b"", 6), "the answer took 6 ms")
        self.assertIsNone(check._judge(200, b"", 5))

    def test_no_answer(self):
        url = self.stub.url
        self.stub.close()
        result = call("http_check", url=url)
        self.assertEqual((result["ok"], result["status_code"], result["problem"]), (False, None, "connection refused"))

    def test_credentials_stay_with_the_first_host(self):
        self.stub.on("GET", "/end", b"")
        self.stub.on("GET", "/start", (302, {"Location": "http://localhost:%d/end" % self.stub.port}, b""))
        call("http_check", url=self.stub.url + "/start", headers={"Authorization": "Bearer secret"})
        self.assertIn("Authorization", self.stub.requests[0].headers)
        for request in self.stub.requests[1:]:
            self.assertNotIn("Authorization", request.headers)

    def test_as_a_process(self):
        code, output, errors = execute("actions/http_check.py", {"url": self.stub.url + "/missing"})
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(json.loads(output)["problem"], "status 404")
        parameters = {"url": self.stub.url + "/missing", "fail_on_problem": True}
        code, output, errors = execute("actions/http_check.py", parameters)
        self.assertEqual((code, output), (1, ""))
        self.assertEqual(errors, "http_check: %s/missing: status 404\n" % self.stub.url)

    def test_wrong_parameters(self):
        for parameters, expected in [
            ({}, "url is required"),
            ({"url": "ftp://example.org"}, "http"),
            ({"url": "http://user:secret@example.org/"}, "no credentials"),
            ({"url": "http://example.org/", "expected_status": "20x"}, "expected_status"),
            ({"url": "http://example.org/", "method": "DELETE"}, "method must be one of"),
        ]:
            with self.subTest(expected=expected), self.assertRaisesRegex(WrongParameter, expected):
                call("http_check", **parameters)

    def test_status_ranges(self):
        self.assertEqual(status_ranges("200-299, 304"), [(200, 299), (304, 304)])


class TcpCheck(unittest.TestCase):
    def serve(self, greeting):
        server = socket.create_server(("127.0.0.1", 0))

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.sendall(greeting)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.close)
        return server.getsockname()[1]

    def test_open_port(self):
        result = call("tcp_check", host="127.0.0.1", port=self.serve(b""))
        self.assertEqual((result["ok"], result["address"], result["banner"]), (True, "127.0.0.1", None))

    def test_banner(self):
        result = call("tcp_check", host="127.0.0.1", port=self.serve(b"SSH-2.0-test\r\n"), expected_banner="SSH-2.0")
        self.assertEqual((result["ok"], result["banner"]), (True, "SSH-2.0-test"))
        result = call("tcp_check", host="127.0.0.1", port=self.serve(b"220 mail\r\n"), expected_banner="SSH-2.0")
        self.assertEqual(result["problem"], "the server does not say the expected text")

    def test_closed_port(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        result = call("tcp_check", host="127.0.0.1", port=port)
        self.assertEqual((result["ok"], result["problem"]), (False, "connection refused"))
        with self.assertRaisesRegex(Failure, "connection refused"):
            call("tcp_check", host="127.0.0.1", port=port, fail_on_problem=True)
        with self.assertRaisesRegex(WrongParameter, "at most 65535"):
            call("tcp_check", host="127.0.0.1", port=70000)


class DiskUsage(unittest.TestCase):
    def test_levels(self):
        self.assertEqual([level(value, 80, 90) for value in (79.9, 80, 89, 90)], ["ok", "warning", "warning", "critical"])

    def test_measure(self):
        with tempfile.TemporaryDirectory() as scratch:
            result = call("disk_usage", path=scratch, warning_percent=100, critical_percent=100)
        self.assertGreater(result["total_bytes"], 0)
        self.assertGreaterEqual(result["total_bytes"], result["used_bytes"])
        self.assertTrue(0 <= result["used_percent"] <= 100)

    def test_wrong_parameters(self):
        with self.assertRaisesRegex(Failure, "cannot look at /nonexistent"):
            call("disk_usage", path="/nonexistent")
        with self.assertRaisesRegex(WrongParameter, "must not be above"):
            call("disk_usage", warning_percent=95)


class CertificateExpiry(unittest.TestCase):
    def serve(self, not_before, not_after):
        """A TLS server for any number of handshakes."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as scratch:
            path = os.path.join(scratch, "server.pem")
            with open(path, "w") as target:
                target.write(selfsigned.make("monitor.test", not_before, not_after))
            context.load_cert_chain(path)
        server = socket.create_server(("127.0.0.1", 0))

        def answer():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        context.wrap_socket(connection, server_side=True).close()
                    except OSError:
                        pass

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()

        def stop():
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join()

        self.addCleanup(stop)
        return server.getsockname()[1]

    def ask(self, days, **parameters):
        now = datetime.now(timezone.utc)
        port = self.serve(now - timedelta(days=100), now + timedelta(days=days, hours=1))
        return call("certificate_expiry", host="127.0.0.1", port=port, server_name="monitor.test", **parameters)

    def test_levels(self):
        for days, expected in [(200, "ok"), (20, "warning"), (3, "critical"), (-2, "critical")]:
            with self.subTest(days=days):
                result = self.ask(days)
                self.assertEqual((result["days_left"], result["level"]), (days, expected))
                self.assertEqual((result["subject"], result["issuer"]), ("monitor.test", "monitor.test"))
                self.assertFalse(result["trusted"])
                self.assertEqual(result["serial"], "1234")

    def test_far_future(self):
        self.assertGreater(self.ask(365 * 40)["days_left"], 14000)

    def test_failure_on_request(self):
        with self.assertRaisesRegex(Failure, "not trusted"):
            self.ask(200, fail_on_problem=True)

    def test_no_tls(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        with self.assertRaisesRegex(Failure, "no certificate from 127.0.0.1 port %d: connection refused" % port):
            call("certificate_expiry", host="127.0.0.1", port=port)


class EndpointMonitor(PackTest):
    def test_outage_and_recovery(self):
        good, bad = (200, {}, b""), (503, {}, b"")
        self.stub.on("GET", "/", good, bad, good, bad, bad, bad, good, good)
        moments = iter([10.0, 20.0, 95.5])
        sensor = load("sensors/http_endpoint_monitor.py")
        poll = sensor.make_poll(Parameters({"url": self.stub.url + "/"}), clock=lambda: next(moments))
        self.assertEqual([poll() for _ in range(4)], [[], [], [], []])
        [(trigger, payload)] = poll()
        self.assertEqual(trigger, "monitoring.endpoint_down")
        self.assertEqual((payload["problem"], payload["failures"], payload["status_code"]), ("status 503", 2, 503))
        self.assertEqual(poll(), [])
        [(trigger, payload)] = poll()
        self.assertEqual((trigger, payload["down_seconds"]), ("monitoring.endpoint_recovered", 75))
        self.assertEqual(poll(), [])

    def test_as_a_process(self):
        parameters = {"url": self.stub.url + "/missing", "failures_before_down": 1, "max_polls": 1}
        code, output, errors = execute("sensors/http_endpoint_monitor.py", parameters)
        self.assertEqual((code, errors), (0, ""))
        event = json.loads(output)
        self.assertEqual((event["trigger"], event["payload"]["problem"]), ("monitoring.endpoint_down", "status 404"))


if __name__ == "__main__":
    unittest.main()
