"""Time, CPU time and peak memory of commands, and their medians."""
import os, statistics, subprocess, sys, time


def run(command, name=""):
    """Runs a shell command; returns wall seconds, CPU seconds and the peak MiB of its largest process."""
    start = time.monotonic()
    with open(os.devnull, "w") as nothing:
        child = subprocess.Popen(["sh", "-c", command], stdout=nothing, stderr=subprocess.PIPE, env=dict(os.environ, NAME=name))
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    if status:
        sys.stderr.write(said.decode(errors="replace")[-2000:])
        sys.exit("%s failed: %s" % (name or "the command", command))
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def prepare(command, name=""):
    """Runs a shell command that is not measured."""
    subprocess.run(["sh", "-c", command], env=dict(os.environ, NAME=name), check=True, stdout=subprocess.DEVNULL)


def median(runs):
    """The median of each column of the runs."""
    return [statistics.median(column) for column in zip(*runs)]


def row(cells):
    """A row of a Markdown table."""
    print("| %s |" % " | ".join(cells), flush=True)
