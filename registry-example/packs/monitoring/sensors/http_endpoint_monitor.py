#!/usr/bin/env python3
"""Checks a web address again and again and emits events for outages and recoveries."""

import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from checks import HttpCheck


def make_poll(parameters, clock=time.monotonic):
    check = HttpCheck(parameters)
    needed = parameters.integer("failures_before_down", 2, 1, 100)
    failures, since, began, down = 0, None, None, False

    def poll():
        nonlocal failures, since, began, down
        result = check.run()
        if result["ok"]:
            was_down, failures, down = down, 0, False
            if not was_down:
                return []
            return [("monitoring.endpoint_recovered", recovery(result, since, int(clock() - began)))]
        failures += 1
        if failures == 1:
            since, began = result["checked_at"], clock()
        if down or failures < needed:
            return []
        down = True
        return [("monitoring.endpoint_down", outage(result, failures, since))]

    return poll


def outage(result, failures, since):
    return {
        "url": result["url"],
        "problem": result["problem"],
        "status_code": result["status_code"],
        "failures": failures,
        "since": since,
        "checked_at": result["checked_at"],
    }


def recovery(result, since, seconds):
    return {
        "url": result["url"],
        "down_since": since,
        "down_seconds": seconds,
        "response_ms": result["response_ms"],
        "checked_at": result["checked_at"],
    }


if __name__ == "__main__":
    action.main_sensor(make_poll)
