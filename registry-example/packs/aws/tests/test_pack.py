"""Tests of the AWS pack. Nothing leaves the machine."""

import base64
import json
import os
import sys
import tempfile
import unittest
from types import SimpleNamespace

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from stub import LayoutTest, PackTest, call, execute, load  # noqa: E402,F401

import aws_client  # noqa: E402
import sigv4  # noqa: E402
from action import Failure, Parameters, WrongParameter  # noqa: E402
from verifier import SECRETS, problem_with  # noqa: E402

KEY_ID, SECRET = list(SECRETS.items())[0]
aws_client.FIRST_PAUSE_SECONDS = 0


class AwsTest(PackTest):
    """Every route refuses requests whose signature does not hold."""

    service = "s3"
    region = "eu-central-1"

    def access(self, **parameters):
        given = {"access_key_id": KEY_ID, "secret_access_key": SECRET, "region": self.region}
        return dict(given, endpoint_url=self.stub.url, **parameters)

    def on(self, method, path, *answers):
        def checked(answer):
            def respond(request):
                problem = problem_with(request, self.service, self.region)
                if problem:
                    return 403, {}, ("<Error><Code>Denied</Code><Message>%s</Message></Error>" % problem).encode()
                made = answer(request) if callable(answer) else answer
                return made.encode() if isinstance(made, str) else made

            return respond

        self.stub.on(method, path, *[checked(answer) for answer in answers])


class Signatures(unittest.TestCase):
    """Fixed vectors. They were computed with another implementation and are not to be changed."""

    moment = "20261005T120000Z"

    def check(self, expected, method, url, headers, body, service, region, token=None):
        credentials = SimpleNamespace(access_key_id=KEY_ID, secret_access_key=SECRET, session_token=token)
        signed = sigv4.sign(method, url, headers, body, credentials, region, service, self.moment)
        self.assertEqual(signed["Authorization"].rpartition("Signature=")[2], expected)

    def test_s3_listing(self):
        self.check(
            "d24a69b6ec6e841bb731358005f3f6cbed2c78a55371a2e38975d74b52e84c4d",
            "GET", "https://bucket.s3.eu-central-1.amazonaws.com/?list-type=2&prefix=a%20b%2Bc", {}, b"",
            "s3", "eu-central-1",
        )

    def test_s3_object_with_odd_key(self):
        self.check(
            "76132cb5519b6b0813b15e7301eb1f49e74750a0552be245dd7e96cdb959086b",
            "PUT", "https://s3.eu-central-1.amazonaws.com/my.bucket/dir/a%20b%2Bc%C3%A9.txt",
            {"Content-Type": "text/plain", "x-amz-meta-two": "a  b"}, b"hello", "s3", "eu-central-1",
        )

    def test_session_token(self):
        self.check(
            "c0f845b6849a1186aaf6f0ee635738fbf34fb9995b26b9a65fb51f060c61e3ff",
            "POST", "https://sts.us-east-1.amazonaws.com/",
            {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
            b"Action=GetCallerIdentity&Version=2011-06-15", "sts", "us-east-1", "tok/en==",
        )

    def test_path_that_is_encoded_twice(self):
        self.check(
            "5de72489fb996047e6fede0dba67a368af36902ad00e22b60df7adeaa6ce4849",
            "POST",
            "https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/arn%3Aaws%3Af/invocations?Qualifier=live",
            {"Content-Type": "application/json"}, b"{}", "lambda", "us-east-1",
        )


def listing(keys, token=None, prefixes=()):
    entries = "".join(
        "<Contents><Key>%s</Key><Size>3</Size><ETag>&quot;%s&quot;</ETag>"
        "<LastModified>2026-10-01T00:00:00.000Z</LastModified></Contents>" % (key, tag)
        for key, tag in keys
    )
    groups = "".join("<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>" % prefix for prefix in prefixes)
    following = "<NextContinuationToken>%s</NextContinuationToken>" % token if token else ""
    return '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</ListBucketResult>' % (
        entries + groups + following
    )


class S3(AwsTest):
    def test_list_over_pages(self):
        def page(request):
            if "continuation-token" not in request.query:
                return listing([("a+b%2Bc", "1")], "to/ken+1", ["x/"])
            self.assertEqual(request.query["continuation-token"], "to/ken+1")
            return listing([("d", "2")])

        self.on("GET", "/reports/", page)
        result = call("s3_list_objects", **self.access(bucket="reports", prefix="a b/", delimiter="/"))
        self.assertEqual([item["key"] for item in result["objects"]], ["a b+c", "d"])
        self.assertEqual(result["objects"][0]["etag"], "1")
        self.assertEqual((result["common_prefixes"], result["truncated"]), (["x/"], False))
        self.assertEqual(self.stub.requests[0].query["prefix"], "a b/")

    def test_list_limit(self):
        self.on("GET", "/reports/", lambda request: listing([("a", "1"), ("b", "2")], "more"))
        result = call("s3_list_objects", **self.access(bucket="reports", limit=2))
        self.assertEqual((len(result["objects"]), result["truncated"]), (2, True))
        self.assertEqual(self.stub.requests[0].query["max-keys"], "2")

    def test_put_and_get(self):
        path = "/reports/dir/a%20b%2Bc%C3%A9.txt"
        self.on("PUT", path, (200, {"ETag": '"tag"', "x-amz-version-id": "v1"}, b""))
        result = call(
            "s3_put_object",
            **self.access(bucket="reports", key="dir/a b+cé.txt", content="hello", metadata={"Team": "a  b"})
        )
        self.assertEqual(result, {"etag": "tag", "version_id": "v1", "size_bytes": 5})
        sent = self.stub.requests[0]
        self.assertEqual((sent.body, sent.headers["Content-Type"]), (b"hello", "text/plain"))
        self.on("GET", path, (200, {"ETag": '"tag"'}, b"hello"), (200, {}, b"\xff\x00"))
        parameters = self.access(bucket="reports", key="dir/a b+cé.txt", version_id="v1")
        self.assertEqual(call("s3_get_object", **parameters)["content"], "hello")
        self.assertEqual(call("s3_get_object", **parameters)["content_base64"], "/wA=")

    def test_files(self):
        self.on("PUT", "/reports/k", (200, {}, b""))
        self.on("GET", "/reports/k", (200, {}, b"\x00data"))
        with tempfile.TemporaryDirectory() as scratch:
            path = os.path.join(scratch, "in")
            with open(path, "wb") as target:
                target.write(b"\x00data")
            call("s3_put_object", **self.access(bucket="reports", key="k", path=path))
            self.assertEqual(self.stub.requests[0].body, b"\x00data")
            copy = os.path.join(scratch, "out")
            result = call("s3_get_object", **self.access(bucket="reports", key="k", path=copy))
            self.assertEqual((result["content"], result["size_bytes"]), (None, 5))
            with open(copy, "rb") as source:
                self.assertEqual(source.read(), b"\x00data")
            with self.assertRaisesRegex(Failure, "cannot write"):
                call("s3_get_object", **self.access(bucket="reports", key="k", path=copy))

    def test_base64_and_empty_content(self):
        self.on("PUT", "/reports/k", (200, {}, b""))
        encoded = base64.b64encode(b"\xff").decode()
        call("s3_put_object", **self.access(bucket="reports", key="k", content_base64=encoded))
        call("s3_put_object", **self.access(bucket="reports", key="k", content=""))
        self.assertEqual([request.body for request in self.stub.requests], [b"\xff", b""])

    def test_errors(self):
        error = b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>"
        self.on("GET", "/reports/k", (404, {}, error))
        with self.assertRaisesRegex(Failure, "status 404.*NoSuchKey, gone"):
            call("s3_get_object", **self.access(bucket="reports", key="k"))
        wrong = dict(self.access(bucket="reports", key="k"), secret_access_key="another")
        with self.assertRaisesRegex(Failure, "Denied, the signature is wrong") as caught:
            call("s3_get_object", **wrong)
        self.assertNotIn("another", str(caught.exception))

    def test_temporary_refusals_are_tried_again(self):
        slow = (503, {}, b"<Error><Code>SlowDown</Code></Error>")
        self.on("GET", "/reports/k", slow, slow, (200, {}, b"at last"))
        self.assertEqual(call("s3_get_object", **self.access(bucket="reports", key="k"))["content"], "at last")
        self.on("GET", "/reports/k", slow)
        with self.assertRaisesRegex(Failure, "SlowDown"):
            call("s3_get_object", **self.access(bucket="reports", key="k"))
        self.assertEqual(len(self.stub.requests), 7)

    def test_addresses_of_buckets(self):
        plain = {"access_key_id": "a", "secret_access_key": "b", "region": "eu-west-1"}
        bucket = aws_client.Bucket(Parameters(dict(plain, bucket="reports")))
        self.assertEqual(bucket.endpoint + bucket.path_of("k"), "https://reports.s3.eu-west-1.amazonaws.com/k")
        bucket = aws_client.Bucket(Parameters(dict(plain, bucket="my.reports")))
        self.assertEqual(bucket.endpoint + bucket.path_of("k"), "https://s3.eu-west-1.amazonaws.com/my.reports/k")

    def test_wrong_parameters(self):
        for parameters, expected in [
            ({"bucket": "Reports"}, "valid bucket name"),
            ({"bucket": "reports"}, "key is required"),
            ({"bucket": "reports", "key": "k"}, "give one of"),
            ({"bucket": "reports", "key": "k", "content": "a", "path": "/b"}, "give one of"),
            ({"bucket": "reports", "key": "k", "content_base64": "*"}, "not valid Base64"),
            ({"bucket": "reports", "key": "k", "content": "a", "metadata": {"a b": "c"}}, "plain ASCII"),
        ]:
            with self.subTest(expected=expected), self.assertRaisesRegex(WrongParameter, expected):
                call("s3_put_object", **self.access(**parameters))
        for name, value, expected in [
            ("region", "eu/../x", "region"),
            ("endpoint_url", "http://store.example.org", "https"),
            ("endpoint_url", "https://store.example.org/path", "no path"),
            ("secret_access_key", "", "AWS_SECRET_ACCESS_KEY"),
            ("access_key_id", "a\nb", "access_key_id holds"),
        ]:
            with self.subTest(expected=expected), self.assertRaisesRegex(WrongParameter, expected):
                call("s3_list_objects", **dict(self.access(bucket="reports"), **{name: value}))
        self.assertEqual(self.stub.requests, [])


class Sts(AwsTest):
    service = "sts"

    def test_identity_with_a_session_token(self):
        body = (
            '<R xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:x</Arn>'
            "<UserId>U</UserId><Account>123</Account></GetCallerIdentityResult></R>"
        )
        self.on("POST", "/", body)
        result = call("sts_get_caller_identity", **self.access(session_token="session/token=="))
        self.assertEqual(result, {"account": "123", "arn": "arn:x", "user_id": "U"})
        self.assertEqual(self.stub.requests[0].form(), {"Action": "GetCallerIdentity", "Version": "2011-06-15"})

    def test_as_a_process_with_the_environment(self):
        self.on("POST", "/", "<R><Account>123</Account></R>")
        environment = {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": self.region,
            "AWS_ENDPOINT_URL": self.stub.url,
        }
        code, output, errors = execute("actions/sts_get_caller_identity.py", {}, **environment)
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(json.loads(output)["account"], "123")
        code, output, errors = execute("actions/sts_get_caller_identity.py", {})
        self.assertEqual((code, output), (2, ""))
        self.assertIn("access_key_id is required (or set AWS_ACCESS_KEY_ID)", errors)

    def test_xml_with_a_document_type_is_refused(self):
        self.on("POST", "/", '<!DOCTYPE r [<!ENTITY a "b">]><R>&a;</R>')
        with self.assertRaisesRegex(Failure, "document type"):
            call("sts_get_caller_identity", **self.access())


class Ec2(AwsTest):
    service = "ec2"

    def test_instances_over_pages(self):
        def page(request):
            second = "NextToken" in request.form()
            number = "2" if second else "1"
            following = "" if second else "<nextToken>more</nextToken>"
            return (
                '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item>'
                "<instancesSet><item><instanceId>i-%s</instanceId><instanceType>t3.micro</instanceType>"
                "<instanceState><code>16</code><name>running</name></instanceState>"
                "<placement><availabilityZone>eu-central-1a</availabilityZone></placement>"
                "<tagSet><item><key>team</key><value>shop</value></item></tagSet></item></instancesSet>"
                "</item></reservationSet>%s</DescribeInstancesResponse>" % (number, following)
            )

        self.on("POST", "/", page)
        filters = {"tag:team": "shop", "instance-state-name": ["running", "stopped"]}
        result = call("ec2_describe_instances", **self.access(filters=filters))
        self.assertEqual([item["id"] for item in result["instances"]], ["i-1", "i-2"])
        self.assertEqual(result["instances"][0]["tags"], {"team": "shop"})
        self.assertEqual(result["instances"][0]["state"], "running")
        sent = self.stub.requests[0].form()
        self.assertEqual((sent["Filter.1.Name"], sent["Filter.1.Value.2"]), ("instance-state-name", "stopped"))
        self.assertEqual((sent["Filter.2.Name"], sent["Filter.2.Value.1"]), ("tag:team", "shop"))

    def test_control(self):
        body = (
            "<R><instancesSet><item><instanceId>i-1</instanceId><currentState><name>stopping</name></currentState>"
            "<previousState><name>running</name></previousState></item></instancesSet></R>"
        )
        self.on("POST", "/", body)
        result = call("ec2_control_instances", **self.access(instance_ids=["i-1"], operation="stop"))
        self.assertEqual(result["changes"], [{"id": "i-1", "previous": "running", "current": "stopping"}])
        self.assertEqual(self.stub.requests[0].form()["Action"], "StopInstances")
        with self.assertRaisesRegex(WrongParameter, "one of start, stop, reboot"):
            call("ec2_control_instances", **self.access(instance_ids=["i-1"], operation="sell"))


class Lambda(AwsTest):
    service = "lambda"

    def test_invoke(self):
        path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aresize/invocations"
        self.on("POST", path, (200, {"X-Amz-Executed-Version": "7"}, {"ok": True}))
        result = call(
            "lambda_invoke",
            **self.access(function_name="arn:aws:lambda:resize", payload={"width": 200}, qualifier="live")
        )
        self.assertEqual((result["payload"], result["executed_version"]), ({"ok": True}, "7"))
        self.assertEqual(self.stub.requests[0].json(), {"width": 200})

    def test_failing_function(self):
        answer = (200, {"X-Amz-Function-Error": "Unhandled"}, {"errorMessage": "no width"})
        self.on("POST", "/2015-03-31/functions/resize/invocations", answer)
        with self.assertRaisesRegex(Failure, "Unhandled.*no width"):
            call("lambda_invoke", **self.access(function_name="resize"))
        result = call("lambda_invoke", **self.access(function_name="resize", fail_on_error=False))
        self.assertEqual(result["function_error"], "Unhandled")

    def test_json_errors(self):
        answer = (404, {"x-amzn-ErrorType": "ResourceNotFoundException:x"}, {"Message": "no such function"})
        self.on("POST", "/2015-03-31/functions/resize/invocations", answer)
        with self.assertRaisesRegex(Failure, "ResourceNotFoundException, no such function"):
            call("lambda_invoke", **self.access(function_name="resize"))


class ObjectMonitor(AwsTest):
    def test_new_and_changed_objects(self):
        self.on(
            "GET",
            "/reports/",
            listing([("a", "1"), ("b", "1")]),
            listing([("a", "1"), ("b", "2"), ("c", "1")]),
            listing([("c", "1")]),
        )
        poll = load("sensors/s3_object_monitor.py").make_poll(Parameters(self.access(bucket="reports")))
        self.assertEqual(poll(), [])
        events = poll()
        self.assertEqual([payload["key"] for _, payload in events], ["b", "c"])
        self.assertEqual(events[0][0], "aws.s3_object_created")
        self.assertEqual(events[0][1]["bucket"], "reports")
        self.assertEqual(poll(), [])

    def test_too_many_objects(self):
        self.on("GET", "/reports/", listing([("a", "1")], "more"))
        code, output, errors = execute(
            "sensors/s3_object_monitor.py", self.access(bucket="reports", max_objects=1, max_polls=1)
        )
        self.assertEqual((code, output), (0, ""))
        self.assertIn("more than 1 objects", errors)


if __name__ == "__main__":
    unittest.main()
