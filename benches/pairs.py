"""pairs.py ROUNDS PREPARE NAME=COMMAND …: runs the commands in turn and prints medians, and ratios to the first.

PREPARE runs before each command, unmeasured, with $NAME set. The round before the first is not counted.
A ratio is the median of the ratios of the rounds; above 1 is quicker than the first command.
"""
import statistics, sys

import timing

rounds, before = int(sys.argv[1]), sys.argv[2]
commands = [command.split("=", 1) for command in sys.argv[3:]]
runs = {name: [] for name, _ in commands}
for turn in range(-1, rounds):
    for name, command in commands:
        timing.prepare(before, name)
        took = timing.run(command, name)
        if turn >= 0:
            runs[name].append(took)
first = runs[commands[0][0]]
timing.row(["", "wall s", "CPU s", "peak MiB", "wall x", "CPU x"])
timing.row(["---"] + ["---:"] * 5)
for name, _ in commands:
    wall, cpu, peak = timing.median(runs[name])
    ratios = [statistics.median(a[i] / max(b[i], 1e-6) for a, b in zip(first, runs[name])) for i in range(2)]
    timing.row([name, "%.3f" % wall, "%.3f" % cpu, "%.0f" % peak, "%.2f" % ratios[0], "%.2f" % ratios[1]])
print()
