"""Makes a self-signed certificate with a fresh P-256 key. For tests only: it is neither fast nor hardened."""

import base64
import hashlib
import secrets
from datetime import timezone

# The curve NIST P-256: field, order, coefficient and base point.
FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def add(first, second):
    if first is None or second is None:
        return first or second
    if first[0] == second[0]:
        if (first[1] + second[1]) % FIELD == 0:
            return None
        slope = (3 * first[0] * first[0] - 3) * pow(2 * first[1], -1, FIELD)
    else:
        slope = (second[1] - first[1]) * pow(second[0] - first[0], -1, FIELD)
    x = (slope * slope - first[0] - second[0]) % FIELD
    return x, (slope * (first[0] - x) - first[1]) % FIELD


def multiply(number, point):
    result = None
    while number:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def der(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        head = bytes([size])
    else:
        count = (size.bit_length() + 7) // 8
        head = bytes([0x80 | count]) + size.to_bytes(count, "big")
    return bytes([tag]) + head + content


def integer(number):
    return der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def oid(*bytes_of_it):
    return der(0x06, bytes(bytes_of_it))


ECDSA_SHA256 = der(0x30, oid(0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02))
P256 = oid(0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07)
PUBLIC_KEY = oid(0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01)


def sign(private, message):
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    once = secrets.randbelow(ORDER - 1) + 1
    r = multiply(once, BASE)[0] % ORDER
    s = pow(once, -1, ORDER) * (digest + r * private) % ORDER
    return der(0x30, integer(r), integer(s))


def time_element(moment):
    text = moment.astimezone(timezone.utc).strftime("%Y%m%d%H%M%SZ")
    # Years up to 2049 are written with two digits.
    return der(0x17, text[2:].encode()) if text < "2050" else der(0x18, text.encode())


def pem(kind, data):
    body = base64.encodebytes(data).decode()
    return "-----BEGIN %s-----\n%s-----END %s-----\n" % (kind, body, kind)


def make(common_name, not_before, not_after):
    """A key and a certificate as one PEM text, ready for a server."""
    private = secrets.randbelow(ORDER - 1) + 1
    x, y = multiply(private, BASE)
    point = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    name = der(0x30, der(0x31, der(0x30, oid(0x55, 0x04, 0x03), der(0x0C, common_name.encode()))))
    body = der(
        0x30,
        der(0xA0, integer(2)),
        integer(0x1234),
        ECDSA_SHA256,
        name,
        der(0x30, time_element(not_before), time_element(not_after)),
        name,
        der(0x30, der(0x30, PUBLIC_KEY, P256), der(0x03, b"\x00", point)),
    )
    certificate = der(0x30, body, ECDSA_SHA256, der(0x03, b"\x00", sign(private, body)))
    key = der(0x30, integer(1), der(0x04, private.to_bytes(32, "big")), der(0xA0, P256), der(0xA1, der(0x03, b"\x00", point)))
    return pem("EC PRIVATE KEY", key) + pem("CERTIFICATE", certificate)
