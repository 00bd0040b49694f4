"""Runs the action as the platform does. No network, nothing written."""

import json
import pathlib
import subprocess
import sys
import unittest

ACTION = pathlib.Path(__file__).resolve().parent.parent / "actions" / "hello.py"


def execute(parameters):
    return subprocess.run(
        [sys.executable, "-B", str(ACTION)], input=json.dumps(parameters), capture_output=True, text=True
    )


class Hello(unittest.TestCase):
    def test_greets_whom_it_is_told(self):
        done = execute({"name": "Ada", "greeting": "Good morning"})
        self.assertEqual(json.loads(done.stdout), {"message": "Good morning, Ada!"})

    def test_has_defaults(self):
        self.assertEqual(json.loads(execute({}).stdout), {"message": "Hello, world!"})

    def test_refuses_an_empty_name(self):
        done = execute({"name": " "})
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("name is empty", done.stderr)


if __name__ == "__main__":
    unittest.main()
