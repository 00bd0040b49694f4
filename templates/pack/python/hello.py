#!/usr/bin/env python3
"""Greets somebody: parameters as JSON on standard input, the result as JSON on standard output."""

import json
import sys


def run(name="world", greeting="Hello"):
    if not isinstance(name, str) or not name.strip():
        raise ValueError("name is empty")
    return {"message": "%s, %s!" % (greeting, name.strip())}


def main():
    text = sys.stdin.read()
    try:
        parameters = json.loads(text) if text.strip() else {}
        result = run(**parameters)
    except (TypeError, ValueError) as problem:
        # One line on standard error and an exit code: that is how an action fails.
        sys.exit("hello: %s" % problem)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
