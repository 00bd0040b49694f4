"""Signed requests to AWS services, with retries and readable errors."""

import json
import os
import re
import time
import xml.etree.ElementTree as ElementTree
from datetime import datetime, timezone
from urllib.parse import quote, unquote_plus, urlsplit

import sigv4
import web
from action import Failure, WrongParameter, safe_url

MAX_ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.5
TEMPORARY = ("RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Credentials:
    """The three parts of AWS credentials. They never appear in errors."""

    def __init__(self, parameters):
        self.access_key_id = self._part(parameters, "access_key_id", True)
        self.secret_access_key = self._part(parameters, "secret_access_key", True)
        self.session_token = self._part(parameters, "session_token", False)

    @staticmethod
    def _part(parameters, name, required):
        value = parameters.text(name, required=required, environment="AWS_" + name.upper())
        if value and any(ord(char) <= 32 or ord(char) > 126 for char in value):
            raise WrongParameter("%s holds a character that no credential has" % name)
        return value


class Service:
    """One service in one region."""

    def __init__(self, service, parameters):
        self.service = service
        self.credentials = Credentials(parameters)
        fallback = os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        region = parameters.text("region", fallback, environment="AWS_REGION")
        if not NAME.fullmatch(region):
            raise WrongParameter("region must look like eu-central-1")
        self.region = region
        self.timeout = parameters.integer("timeout", 30, 1, 900)
        endpoint = parameters.text("endpoint_url", environment="AWS_ENDPOINT_URL")
        self.custom_endpoint = endpoint is not None
        if endpoint is None:
            domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
            endpoint = "https://%s.%s.%s" % (service, region, domain)
        self.endpoint = safe_url("endpoint_url", endpoint)
        if urlsplit(self.endpoint).path:
            raise WrongParameter("endpoint_url must have no path")

    def send(self, method, path, query=(), headers=None, body=b"", endpoint=None):
        """Sends a signed request. The path is percent-encoded already."""
        url = (endpoint or self.endpoint) + path
        if query:
            url += "?" + sigv4.canonical_query(query)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
            signed = sigv4.sign(
                method, url, headers or {}, body, self.credentials, self.region, self.service, moment
            )
            answer = web.send(method, url, signed, body or None, self.timeout, "AWS")
            if answer.status < 300:
                return answer
            code, message = error_of(answer)
            temporary = answer.status >= 500 or code in TEMPORARY
            if not temporary or attempt == MAX_ATTEMPTS:
                break
            time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
        raise Failure("%s refused the request (status %d): %s" % (self.service, answer.status, message))

    def query(self, action, version, arguments):
        """Calls an action of a service with the query protocol and returns its XML."""
        pairs = [("Action", action), ("Version", version)] + list(arguments)
        body = sigv4.canonical_query(pairs).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return xml_of(self.send("POST", "/", headers=headers, body=body))


class Bucket(Service):
    """One S3 bucket."""

    def __init__(self, parameters):
        super().__init__("s3", parameters)
        self.name = parameters.text("bucket", required=True)
        if not BUCKET.fullmatch(self.name):
            raise WrongParameter("bucket is not a valid bucket name")
        # Custom endpoints and names with dots do not work as host names with TLS.
        if self.custom_endpoint or "." in self.name:
            self.prefix = "/" + self.name
        else:
            self.prefix = ""
            self.endpoint = self.endpoint.replace("https://s3.", "https://%s.s3." % self.name, 1)

    def path_of(self, key):
        return self.prefix + "/" + quote(key, safe="/-._~")

    def list(self, prefix, delimiter, most):
        """Objects and common prefixes under a prefix, and whether there are more."""
        objects, prefixes, token = [], [], None
        while True:
            left = most - len(objects) - len(prefixes)
            pairs = [("list-type", "2"), ("encoding-type", "url"), ("max-keys", str(min(1000, left)))]
            pairs += [("prefix", prefix)] if prefix else []
            pairs += [("delimiter", delimiter)] if delimiter else []
            pairs += [("continuation-token", token)] if token else []
            page = xml_of(self.send("GET", self.prefix + "/", pairs))
            objects += [object_of(item) for item in page.findall("Contents")]
            prefixes += [decoded(item.findtext("Prefix")) for item in page.findall("CommonPrefixes")]
            token = page.findtext("NextContinuationToken")
            if not token or len(objects) + len(prefixes) >= most:
                return objects, prefixes, bool(token)


def object_of(item):
    return {
        "key": decoded(item.findtext("Key")),
        "size_bytes": int(item.findtext("Size") or 0),
        "etag": (item.findtext("ETag") or "").strip('"'),
        "last_modified": item.findtext("LastModified"),
        "storage_class": item.findtext("StorageClass"),
    }


def decoded(text):
    """Names in listings are form-encoded, as asked for with encoding-type."""
    return unquote_plus(text or "")


def xml_of(answer):
    """The XML of an answer, without namespaces."""
    if b"<!DOCTYPE" in answer.body[:4096] or b"<!ENTITY" in answer.body:
        raise Failure("AWS answered with XML that holds a document type")
    try:
        root = ElementTree.fromstring(answer.body)
    except ElementTree.ParseError:
        raise Failure("AWS answered with status %d and no XML" % answer.status) from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def error_of(answer):
    """Code and text of an error, in the forms that the services use."""
    code, message = "", ""
    try:
        data = json.loads(answer.body)
        if isinstance(data, dict):
            code = str(answer.headers.get("x-amzn-ErrorType") or data.get("__type") or data.get("Code") or "")
            code = code.split(":")[0].rpartition("#")[2]
            message = str(data.get("message") or data.get("Message") or "")
    except ValueError:
        try:
            root = xml_of(answer)
            code = root.findtext(".//Code") or ""
            message = root.findtext(".//Message") or ""
        except Failure:
            pass
    return code, ", ".join(part for part in (code, message) if part) or "no reason given"
