#!/usr/bin/env python3
"""Finds out when the certificate of a server ends."""

import os
import socket
import ssl
import sys
from datetime import datetime, timezone

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from certificates import Certificate
from checks import describe, level


def fetch(host, port, server_name, timeout, context):
    """The certificate a server shows, in DER form."""
    with socket.create_connection((host, port), timeout) as connection:
        with context.wrap_socket(connection, server_hostname=server_name) as secured:
            return secured.getpeercert(binary_form=True)


def fetch_any(host, port, server_name, timeout):
    """The certificate, and why it is not trusted. A bad one is read all the same."""
    try:
        return fetch(host, port, server_name, timeout, ssl.create_default_context()), None
    except ssl.SSLCertVerificationError as refused:
        problem = refused.verify_message
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return fetch(host, port, server_name, timeout, context), problem


def run(parameters):
    host = parameters.text("host", required=True)
    port = parameters.integer("port", 443, 1, 65535)
    warning = parameters.integer("warning_days", 30, 0, 3650)
    critical = parameters.integer("critical_days", 7, 0, 3650)
    if critical > warning:
        raise action.WrongParameter("critical_days must not be above warning_days")
    timeout = parameters.integer("timeout", 10, 1, 120)
    try:
        der, problem = fetch_any(host, port, parameters.text("server_name", host), timeout)
        certificate = Certificate(der)
    except (OSError, ValueError) as error:
        raise action.Failure("no certificate from %s port %d: %s" % (host, port, describe(error))) from None
    days = (certificate.not_after - datetime.now(timezone.utc)).days
    result = {
        "level": level(-days, -warning, -critical),
        "days_left": days,
        "not_before": certificate.not_before.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "not_after": certificate.not_after.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": certificate.serial,
        "trusted": problem is None,
        "trust_problem": problem,
    }
    if parameters.boolean("fail_on_problem") and (problem or result["level"] == "critical"):
        reason = "is not trusted: %s" % problem if problem else "has %d days left" % days
        raise action.Failure("the certificate of %s port %d %s" % (host, port, reason))
    return result


if __name__ == "__main__":
    action.main(run)
