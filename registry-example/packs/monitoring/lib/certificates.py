"""Reads what matters from an X.509 certificate in DER form, expired or not."""

from datetime import datetime, timezone

COMMON_NAME = b"\x55\x04\x03"
ORGANIZATION = b"\x55\x04\x0a"


class Certificate:
    def __init__(self, der):
        _, whole, _ = element(der)
        _, body, _ = element(whole)
        tag, value, rest = element(body)
        if tag == 0xA0:  # the version, which old certificates leave out
            _, value, rest = element(rest)
        self.serial = value.hex()
        _, _, rest = element(rest)  # the signature algorithm
        _, issuer, rest = element(rest)
        _, validity, rest = element(rest)
        _, subject, _ = element(rest)
        first = element(validity)
        second = element(first[2])
        self.not_before = moment(first[0], first[1])
        self.not_after = moment(second[0], second[1])
        self.issuer = name(issuer)
        self.subject = name(subject)


def element(data):
    """Tag, content and what follows of the first DER element."""
    if len(data) < 2:
        raise ValueError("the certificate ends too early")
    tag, size, start = data[0], data[1], 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4:
            raise ValueError("the certificate has a length that makes no sense")
        size = int.from_bytes(data[2 : 2 + count], "big")
        start = 2 + count
    if start + size > len(data):
        raise ValueError("the certificate ends too early")
    return tag, data[start : start + size], data[start + size :]


def moment(tag, value):
    """A UTCTime or GeneralizedTime."""
    text = value.decode("ascii")
    if tag == 0x17:
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)


def name(value):
    """The common name, or the organisation where there is none."""
    found = {}
    while value:
        _, group, value = element(value)
        while group:
            _, attribute, group = element(group)
            _, kind, rest = element(attribute)
            tag, content, _ = element(rest)
            encoding = {0x1E: "utf-16-be", 0x14: "latin-1"}.get(tag, "utf-8")
            found[kind] = content.decode(encoding, "replace")
    return found.get(COMMON_NAME) or found.get(ORGANIZATION)
