#!/usr/bin/env python3
"""Starts, stops or reboots EC2 instances."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from aws_client import Service


OPERATIONS = {"start": "StartInstances", "stop": "StopInstances", "reboot": "RebootInstances"}


def run(parameters):
    ec2 = Service("ec2", parameters)
    operation = parameters.text("operation", required=True, choices=tuple(OPERATIONS))
    names = parameters.strings("instance_ids", required=True)
    pairs = [("InstanceId.%d" % position, name) for position, name in enumerate(names, 1)]
    answer = ec2.query(OPERATIONS[operation], "2016-11-15", pairs)
    changes = [
        {
            "id": item.findtext("instanceId"),
            "previous": item.findtext("previousState/name"),
            "current": item.findtext("currentState/name"),
        }
        for item in answer.findall("instancesSet/item")
    ]
    return {"changes": changes}


if __name__ == "__main__":
    action.main(run)
