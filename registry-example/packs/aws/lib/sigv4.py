"""AWS Signature Version 4, for requests that carry the signature in a header."""

import hashlib
import hmac
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


def sha256_hex(data):
    return hashlib.sha256(data).hexdigest()


def encode(text):
    """Percent-encodes everything but letters, digits and - . _ ~"""
    return quote(text, safe="-._~")


def canonical_query(pairs):
    """Query pairs in the order of their encoded names and values."""
    return "&".join("%s=%s" % pair for pair in sorted((encode(name), encode(value)) for name, value in pairs))


def canonical_path(path, service):
    """The path to sign. S3 signs it as sent; all other services encode it once more."""
    if service == "s3":
        return path or "/"
    return quote(path or "/", safe="/-._~")


def canonical_request(method, path, query, headers, payload_hash, service):
    """The text whose hash is signed, and the list of signed headers."""
    cleaned = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    signed = ";".join(name for name, _ in cleaned)
    lines = [method, canonical_path(path, service), query]
    lines += ["%s:%s" % pair for pair in cleaned]
    lines += ["", signed, payload_hash]
    return "\n".join(lines), signed


def signing_key(secret, date, region, service):
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def sign(method, url, headers, body, credentials, region, service, moment):
    """Returns all headers to send. The moment looks like 20261005T120000Z."""
    parts = urlsplit(url)
    payload_hash = sha256_hex(body)
    complete = dict(headers)
    complete["Host"] = parts.netloc
    complete["X-Amz-Date"] = moment
    if service == "s3":
        complete["X-Amz-Content-Sha256"] = payload_hash
    if credentials.session_token:
        complete["X-Amz-Security-Token"] = credentials.session_token
    request, signed = canonical_request(method, parts.path, parts.query, complete, payload_hash, service)
    scope = "%s/%s/%s/aws4_request" % (moment[:8], region, service)
    to_sign = "\n".join([ALGORITHM, moment, scope, sha256_hex(request.encode())])
    key = signing_key(credentials.secret_access_key, moment[:8], region, service)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    complete["Authorization"] = "%s Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        ALGORITHM, credentials.access_key_id, scope, signed, signature,
    )
    return complete
