"""pairs.py ROUNDS PREPARE NAME=COMMAND …: runs the commands in turn and prints medians, and ratios to the first."""
import os, statistics, subprocess, sys, time

rounds, prepare, commands = int(sys.argv[1]), sys.argv[2], [c.split("=", 1) for c in sys.argv[3:]]
runs = {name: [] for name, _ in commands}
for turn in range(-1, rounds):
    for name, command in commands:
        subprocess.run(["sh", "-c", prepare], env=dict(os.environ, NAME=name), check=True, stdout=subprocess.DEVNULL)
        start = time.monotonic()
        child = subprocess.Popen(["sh", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        if status:
            sys.exit("%s failed: %s" % (name, command))
        if turn >= 0:
            runs[name].append((wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
first = runs[commands[0][0]]
print("%-24s %9s %9s %9s %9s %9s" % ("", "wall s", "cpu s", "peak MiB", "wall x", "cpu x"))
for name, _ in commands:
    middle = [statistics.median(r[i] for r in runs[name]) for i in range(3)]
    ratios = [statistics.median(b[i] / r[i] for b, r in zip(first, runs[name])) for i in range(2)]
    print("%-24s %9.3f %9.3f %9.1f %9.2f %9.2f" % (name, *middle, *ratios))
