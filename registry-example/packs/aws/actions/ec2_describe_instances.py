#!/usr/bin/env python3
"""Lists EC2 instances."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from aws_client import Service


API_VERSION = "2016-11-15"


def arguments_of(parameters):
    """Numbered arguments for the instances and filters."""
    pairs = []
    for position, name in enumerate(parameters.strings("instance_ids"), 1):
        pairs.append(("InstanceId.%d" % position, name))
    for position, (name, values) in enumerate(sorted(parameters.mapping("filters").items()), 1):
        pairs.append(("Filter.%d.Name" % position, name))
        for number, value in enumerate(values if isinstance(values, list) else [values], 1):
            pairs.append(("Filter.%d.Value.%d" % (position, number), str(value)))
    return pairs


def summary(instance):
    return {
        "id": instance.findtext("instanceId"),
        "type": instance.findtext("instanceType"),
        "state": instance.findtext("instanceState/name"),
        "private_ip": instance.findtext("privateIpAddress"),
        "public_ip": instance.findtext("ipAddress"),
        "zone": instance.findtext("placement/availabilityZone"),
        "launched_at": instance.findtext("launchTime"),
        "tags": {tag.findtext("key"): tag.findtext("value") or "" for tag in instance.findall("tagSet/item")},
    }


def run(parameters):
    ec2 = Service("ec2", parameters)
    most = parameters.integer("limit", 1000, 1, 10000)
    pairs = arguments_of(parameters)
    instances, token = [], None
    while True:
        page = ec2.query("DescribeInstances", API_VERSION, pairs + ([("NextToken", token)] if token else []))
        instances += [summary(item) for item in page.findall("reservationSet/item/instancesSet/item")]
        token = page.findtext("nextToken")
        if not token or len(instances) >= most:
            return {"instances": instances[:most], "truncated": bool(token) or len(instances) > most}


if __name__ == "__main__":
    action.main(run)
