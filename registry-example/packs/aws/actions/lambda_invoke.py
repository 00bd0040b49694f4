#!/usr/bin/env python3
"""Calls a Lambda function."""

import json
import os
import sys
from urllib.parse import quote

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from aws_client import Service


KINDS = ("RequestResponse", "Event", "DryRun")


def run(parameters):
    service = Service("lambda", parameters)
    name = quote(parameters.text("function_name", required=True), safe="-._~")
    qualifier = parameters.text("qualifier")
    headers = {
        "Content-Type": "application/json",
        "X-Amz-Invocation-Type": parameters.text("invocation_type", "RequestResponse", choices=KINDS),
    }
    answer = service.send(
        "POST",
        "/2015-03-31/functions/%s/invocations" % name,
        [("Qualifier", qualifier)] if qualifier else [],
        headers,
        json.dumps(parameters.values.get("payload") or {}).encode(),
    )
    result = {
        "status_code": answer.status,
        "payload": answer.json("lambda") if answer.body else None,
        "function_error": answer.headers.get("X-Amz-Function-Error"),
        "executed_version": answer.headers.get("X-Amz-Executed-Version"),
    }
    if result["function_error"] and parameters.boolean("fail_on_error", True):
        reason = result["payload"].get("errorMessage") if isinstance(result["payload"], dict) else None
        raise action.Failure("the function failed (%s): %s" % (result["function_error"], reason or "no reason given"))
    return result


if __name__ == "__main__":
    action.main(run)
