#!/usr/bin/env python3
"""Finds out which identity the credentials belong to."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import action
from aws_client import Service


def run(parameters):
    answer = Service("sts", parameters).query("GetCallerIdentity", "2011-06-15", [])
    return {
        "account": answer.findtext(".//Account"),
        "arn": answer.findtext(".//Arn"),
        "user_id": answer.findtext(".//UserId"),
    }


if __name__ == "__main__":
    action.main(run)
