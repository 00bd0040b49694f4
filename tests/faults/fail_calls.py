#!/usr/bin/env python3
"""Lets every file-system call of a command fail, with each error it may have, once and from then on; checks what is left.

    fail_calls.py --setup 'cmd {root}' --run '[env NAME=VALUE…] cmd {root}' --check 'cmd {root}' [--max N] [--only CALL[,CALL…]]
                  [--part I/N] [--alone]

Linux, strace. Per failure: {root} is what --setup left; --run goes under strace, which makes the k-th call of one kind (k = 1, 2,
...), or the k-th and all that follow, end with an error. A command that fails must say so: exit code not 0, a line `error: …` with
a path and the error's own words, no panic; FAILED=1 tells --check that the old state must be there. One that goes on must be right:
FINISHED=1. What fails before the program has begun, while the system loads it, is not counted. Exit code 0 if nothing was bad.

`--part 2/4` takes the calls 2, 6, 10 ... of each kind: four such runs make up one, side by side or one after the other. `--alone`:
programs that the command starts are not touched, only its own calls fail.
"""
import argparse, os, re, shlex, shutil, subprocess, sys, tempfile, time

WRITE, NAMES = ("ENOSPC", "EIO", "EDQUOT"), ("ENOSPC", "EIO", "EROFS")
CALLS = {
    **{call: WRITE + ("EINTR",) for call in ("write", "pwrite64", "writev", "copy_file_range", "fallocate", "ftruncate")},
    **{call: ("EIO", "ENOSPC", "EDQUOT") for call in ("fsync", "fdatasync", "syncfs", "sync_file_range")},
    **{call: NAMES for call in ("mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat")},
    **{call: ("EIO", "EROFS") for call in ("unlink", "unlinkat", "rmdir", "fchmod", "fchmodat", "chmod")},
    "openat": NAMES + ("EMFILE", "EINTR"),
    **{call: ("EIO", "EINTR") for call in ("read", "pread64")},
    **{call: ("EIO",) for call in ("getdents64", "readlink", "readlinkat", "statx", "newfstatat", "access", "faccessat",
                                "faccessat2", "flock")},
}
WORDS = {"ENOSPC": "No space left", "EIO": "Input/output error", "EDQUOT": "quota exceeded", "EROFS": "Read-only file system",
         "EMFILE": "Too many open files", "EINTR": "Interrupted system call"}
ap = argparse.ArgumentParser()
for option in ("setup", "run", "check"):
    ap.add_argument("--" + option, required=option != "setup", default="true")
ap.add_argument("--mode", default="fail"); ap.add_argument("--max", type=int, default=5000); ap.add_argument("--only"); ap.add_argument("--part", default="1/1"); ap.add_argument("--alone", action="store_true")
a = ap.parse_args()
first, step = map(int, a.part.split("/"))
work = tempfile.mkdtemp(prefix="failcalls", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
base, root, trace = work + "/base", work + "/root", work + "/trace"


def sh(cmd, **more):
    return subprocess.run(cmd.format(root=root), shell=True, capture_output=True, text=True, errors="replace", **more)


def fresh():
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["cp", "-a", base, root], check=True)


os.mkdir(root)
made = sh(a.setup)
if made.returncode:
    sys.exit(made.stdout + made.stderr)
os.rename(root, base)
words = shlex.split(a.run.format(root=root))
environment = dict(os.environ)
if words[0] == "env":
    words.pop(0)
    while "=" in words[0]:
        name, value = words.pop(0).split("=", 1)
        environment[name] = value


def judge(ran, error, mute):
    """What is wrong with what a command that failed said."""
    said = ran.stdout + ran.stderr
    if "panicked" in said or ran.returncode < 0 or ran.returncode == 101:
        return "it panicked or was killed"
    if mute:
        return None
    if not re.search(r"^error: ", said, re.M):
        return "no error is said"
    if WORDS[error] not in said:
        return "the cause is not said"
    return None if re.search(r"`[^`]*/[^`]*`", said) else "no path is said"


def fail(call, error, when):
    """One run: what is bad about it, or None; and whether the call was reached."""
    fresh()
    # A program that is let go of would have all its calls fail under --seccomp-bpf.
    strace = ["strace", "-f", "--detach-on=execve" if a.alone else "--seccomp-bpf", "-y", "-qq", "-o", trace,
              "-e", "trace=" + call, "-e", f"inject={call}:error={error}:when={when}"]
    try:
        ran = subprocess.run(strace + words, env=environment, capture_output=True, text=True, errors="replace", timeout=60)
    except subprocess.TimeoutExpired:
        counts["runs"] += 1
        return "it hangs", True
    with open(trace, errors="replace") as lines:
        injected = [line for line in lines if "(INJECTED)" in line]
    if not injected:
        return None, False
    # What threads and servers are woken and told by is no file, and does not fail like one.
    if any(re.search(r"\(\d+<(anon_inode|socket|TCP|UNIX)", line) for line in injected):
        return None, True
    # Nothing can be told to somebody who does not listen, and what was done by then is done.
    mute = any(re.search(r"\bwritev?\([12]<", line) for line in injected)
    if "error while loading shared libraries" in ran.stderr or ran.returncode == 127:
        return None, True
    counts["runs"] += 1
    counts["failed" if ran.returncode else "went on"] += 1
    bad = judge(ran, error, mute) if ran.returncode else None
    state = {"FINISHED": str(int(ran.returncode == 0)), "FAILED": str(int(ran.returncode != 0 and not mute))}
    checked = sh(a.check, env=dict(os.environ, **state))
    if checked.returncode:
        bad = ((checked.stdout + checked.stderr).strip().splitlines() or ["the check failed"])[-1]
    return (f"{bad}: {ran.returncode} {ran.stderr.strip()!r}" if bad else None), True


bad, counts, start, full = 0, {"runs": 0, "failed": 0, "went on": 0}, time.time(), True
for call, errors in CALLS.items():
    if a.only and call not in a.only.split(","):
        continue
    for error in errors:
        # Who is interrupted tries again, for ever if need be.
        for ever in ("",) if error == "EINTR" else ("", "+"):
            k = first
            while counts["runs"] < a.max:
                wrong, reached = fail(call, error, f"{k}{ever}")
                if wrong:
                    bad += 1
                    print("  bad at", call, error, f"{k}{ever}", wrong, file=sys.stderr, flush=True)
                if not reached:
                    break
                k += step
            full = full and counts["runs"] < a.max
print(f"{counts['runs']} failures ({counts['failed']} told, {counts['went on']} got over), {bad} bad, {time.time() - start:.1f} s"
      + ("" if full else f"; stopped at --max {a.max}, NOT every call failed"))
shutil.rmtree(work, ignore_errors=True)
sys.exit(1 if bad else 0 if full else 2)
