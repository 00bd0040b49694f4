#!/usr/bin/env python3
"""Runs a command on disks of every size, and of every number of files, and checks what is left each time.

    small_disks.py --setup 'cmd {root}' --run '[env NAME=VALUE…] cmd {root}' --check 'cmd {root}' [--mode disk]

Root on Linux. --setup is run once, on a disk that is large enough; then, from what that left upwards, a tmpfs of 64 KiB more (then:
of one file more) each time, until --run succeeds. Before that it must say `error: … No space left`, and --check must find the old
state (FAILED=1); then the disk gets large, and the same command must work (FINISHED=1).
"""
import argparse, os, shutil, subprocess, sys, tempfile, time

ap = argparse.ArgumentParser()
for option in ("setup", "run", "check"):
    ap.add_argument("--" + option, required=option != "setup", default="true")
ap.add_argument("--mode", default="disk"); a = ap.parse_args()
work = tempfile.mkdtemp(prefix="smalldisks")
base, root = work + "/base", work + "/root"
os.mkdir(root)


def sh(cmd, **more):
    return subprocess.run(cmd.format(root=root), shell=True, capture_output=True, text=True, errors="replace", **more)


def check(done):
    state = {"FINISHED": str(int(done)), "FAILED": str(int(not done))}
    checked = sh(a.check, env=dict(os.environ, **state))
    return (checked.stdout + checked.stderr).strip().splitlines()[-1:] if checked.returncode else None


def mounted(limit):
    subprocess.run(["mount", "-t", "tmpfs", "-o", limit, "tmpfs", root], check=True)
    # Directories of `cp` count as files, as they do for whoever makes them.
    subprocess.run(["cp", "-a", base + "/.", root], check=True)


made = sh(a.setup)
if made.returncode:
    sys.exit(made.stdout + made.stderr)
os.rename(root, base)
os.mkdir(root)
kib = int(subprocess.run(["du", "-sk", "--apparent-size", base], capture_output=True, text=True).stdout.split()[0])
entries = 2 + sum(len(found[1]) + len(found[2]) for found in os.walk(base))
# Pages are whole: a file of one byte takes one.
kib = 4 * (entries + kib // 4) + 16
bad, disks, start = [], 0, time.time()
for name, first, step in (("size={}k,nr_inodes=100k", kib, 64), ("size=256m,nr_inodes={}", entries, 1)):
    size = first
    while True:
        disks += 1
        mounted(name.format(size))
        ran = sh(a.run)
        if ran.returncode == 0:
            subprocess.run(["mount", "-o", "remount,size=256m,nr_inodes=100k", root], check=True)
            wrong = check(True)
        else:
            said = ran.stdout + ran.stderr
            told = "error: " in ran.stderr and "No space left" in said and "panicked" not in said
            wrong = None if told else [said]
            subprocess.run(["mount", "-o", "remount,size=256m,nr_inodes=100k", root], check=True)
            copy = sh("cp -a {root} " + work + "/after")
            wrong = wrong or check(False)
            # As it was left, the same command works.
            sh("find {root} -mindepth 1 -delete; cp -a " + work + "/after/. {root}; rm -rf " + work + "/after")
            again = sh(a.run)
            wrong = wrong or ([again.stderr] if again.returncode else check(True)) or (copy.returncode and [copy.stderr])
        subprocess.run(["umount", root], check=True)
        if wrong:
            bad.append((name.format(size), wrong))
        if ran.returncode == 0:
            break
        size += step
print(f"{disks} disks, {len(bad)} bad, {time.time() - start:.1f} s")
for row in bad[:20]:
    print("  bad on", *row)
shutil.rmtree(work, ignore_errors=True)
sys.exit(1 if bad else 0)
