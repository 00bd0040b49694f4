"""Runs the tests of a pack with unittest or pytest and writes one JSON line per case.

Arguments: the runner's name, a file or directory of tests, the file to write. Coverage of the pack is measured where
the module "coverage" can be imported.
"""

import json
import os
import sys
import time
import unittest

SHOWN = 20000


def shortened(text):
    return text if len(text) <= SHOWN else "... " + text[-SHOWN:]


class Lines:
    """Written at once, so that a run that is cut off leaves what it got to."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")

    def write(self, line):
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()

    def case(self, name, status, seconds, message=None, stdout="", stderr=""):
        self.write(
            {
                "name": name,
                "status": status,
                "duration_ms": int(seconds * 1000),
                "error_message": None if message is None else shortened(message),
                "stdout": shortened(stdout),
                "stderr": shortened(stderr),
            }
        )


class Result(unittest.TextTestResult):
    lines = None

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.began = time.monotonic()
        self.told = False

    def startTest(self, test):
        self.began = time.monotonic()
        self.told = False
        super().startTest(test)

    def tell(self, test, status, message=None):
        self.told = True
        streams = [sys.stdout, sys.stderr]
        texts = [s.getvalue() if hasattr(s, "getvalue") else "" for s in streams]
        self.lines.case(test.id(), status, time.monotonic() - self.began, message, *texts)

    def addSuccess(self, test):
        super().addSuccess(test)
        # The parent of failed subtests has failed with them.
        if not self.told:
            self.tell(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tell(test, "failed", self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.tell(test, "error", self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            is_failure = issubclass(err[0], test.failureException)
            kept = self.failures if is_failure else self.errors
            self.tell(subtest, "failed" if is_failure else "error", kept[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell(test, "skipped", reason)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.tell(test, "passed")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.tell(test, "failed", "it was expected to fail")


def run_unittest(where, lines):
    Result.lines = lines
    directory, pattern = (where, "test*.py")
    if os.path.isfile(where):
        directory, pattern = os.path.split(where)
    suite = unittest.defaultTestLoader.discover(directory or ".", pattern=pattern)
    result = unittest.TextTestRunner(resultclass=Result, buffer=True).run(suite)
    return 0 if result.wasSuccessful() else 1


class Plugin:
    def __init__(self, lines):
        self.lines = lines

    def pytest_collectreport(self, report):
        if report.failed:
            self.lines.case(report.nodeid, "error", 0, str(report.longrepr))

    def pytest_runtest_logreport(self, report):
        shown = (report.nodeid, report.duration, report.capstdout, report.capstderr)
        name, seconds, stdout, stderr = shown
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else None
            # A test that was expected to fail and did counts as one that passed.
            status = "passed" if hasattr(report, "wasxfail") else "skipped"
            self.lines.case(name, status, seconds, reason)
        elif report.failed:
            status = "failed" if report.when == "call" else "error"
            self.lines.case(name, status, seconds, str(report.longrepr), stdout, stderr)
        elif report.when == "call":
            self.lines.case(name, "passed", seconds, None, stdout, stderr)


def run_pytest(where, lines):
    import pytest

    # 5 says that there were no tests.
    code = int(pytest.main(["-p", "no:cacheprovider", "-q", where], plugins=[Plugin(lines)]))
    return 0 if code == 5 else code


def begin_coverage():
    try:
        import coverage
    except ImportError:
        return None
    data = os.path.join(os.environ.get("TMPDIR", "/tmp"), "coverage.data")
    measured = coverage.Coverage(data_file=data, source=["."], omit=["tests/*", "test_*"])
    measured.start()
    return measured


def end_coverage(measured, lines):
    measured.stop()
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        try:
            percent = measured.report(file=nowhere)
        except Exception:  # nothing was measured
            return
    lines.write({"coverage_percent": round(percent, 2)})


def main():
    # Not this file's directory, but the pack's.
    sys.path[0] = os.getcwd()
    name, where, path = sys.argv[1:4]
    del sys.argv[1:]
    lines = Lines(path)
    measured = begin_coverage()
    try:
        return {"unittest": run_unittest, "pytest": run_pytest}[name](where, lines)
    finally:
        if measured is not None:
            end_coverage(measured, lines)
        lines.write({"end": True})


if __name__ == "__main__":
    sys.exit(main())
