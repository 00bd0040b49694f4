"""Checks signed requests as a service would: from what arrived, with its own arithmetic.

Nothing here uses lib/sigv4.py.
"""

import hashlib
import hmac
import re

SECRETS = {"TESTKEY0001": "test/secret+of=the/pack"}
SHAPE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<date>\d{8})/(?P<region>[\w-]+)/(?P<service>\w+)/aws4_request, "
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
PLAIN = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


def chain(secret, *parts):
    value = b"AWS4" + secret.encode("ascii")
    for part in parts:
        value = hmac.digest(value, part.encode("ascii"), "sha256")
    return value


def problem_with(request, service, region):
    """What is wrong with a request, or None."""
    found = SHAPE.fullmatch(request.headers.get("Authorization", ""))
    if not found:
        return "the Authorization header has another form"
    if (found["service"], found["region"]) != (service, region):
        return "signed for %s in %s" % (found["service"], found["region"])
    received = {name.lower(): value for name, value in request.headers.items()}
    signed = found["signed"].split(";")
    if signed != sorted(signed) or not {"host", "x-amz-date"} <= set(signed):
        return "the list of signed headers is wrong"
    unsigned = [name for name in received if name.startswith("x-amz-") and name not in signed]
    if unsigned:
        return "not signed: %s" % unsigned
    if not received["x-amz-date"].startswith(found["date"]):
        return "the dates differ"
    body_hash = hashlib.new("sha256", request.body).hexdigest()
    if service == "s3" and received.get("x-amz-content-sha256") != body_hash:
        return "the hash of the body is wrong"
    path, _, query = request.target.partition("?")
    if service != "s3":
        path = "".join(chr(byte) if byte in PLAIN else "%%%02X" % byte for byte in path.encode("ascii"))
    if query != "&".join(sorted(query.split("&"))):
        return "the query is not sorted"
    text = request.method + "\n" + path + "\n" + query + "\n"
    for name in signed:
        text += name + ":" + re.sub(" +", " ", received[name].strip()) + "\n"
    text += "\n" + found["signed"] + "\n" + body_hash
    scope = "/".join([found["date"], region, service, "aws4_request"])
    message = "AWS4-HMAC-SHA256\n%s\n%s\n%s" % (
        received["x-amz-date"], scope, hashlib.sha256(text.encode("ascii")).hexdigest(),
    )
    key = chain(SECRETS[found["key"]], found["date"], region, service, "aws4_request")
    expected = hmac.new(key, message.encode("ascii"), "sha256").hexdigest()
    return None if expected == found["signature"] else "the signature is wrong"
