"""scale.py ATTUNE SIZE…: build, rebuild and one-pack build of registries of growing size.

Prints a Markdown table. The column "growth" is how much the CPU time grew over the size before, divided by how much the
registry grew: 1 is in proportion, above 1 is a step out of proportion. ROUNDS sets the rounds (3) of what is quick,
BENCH_DIR where the registries are made (target/bench).
"""
import os, shutil, sys

import change_pack, make_packs, timing

ROUNDS = int(os.environ.get("ROUNDS", "3"))
BENCH_DIR = os.environ.get("BENCH_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../target/bench"))


def measure(rounds, command, before=None):
    runs = []
    for turn in range(-1 if rounds > 1 else 0, rounds):
        if before:
            before()
        took = timing.run(command)
        if turn >= 0:
            runs.append(took)
    return timing.median(runs)


def steps(attune, work, count):
    """Name, medians and note of each step, all of them on one registry of `count` small packs."""
    packs, tree = os.path.join(work, "packs"), os.path.join(work, "tree")
    make_packs.make(packs, count, small=True)
    build = "%s registry build %s --out %s --base-url https://packs.example.org/ -q" % (attune, packs, tree)
    one = os.path.join(packs, sorted(os.listdir(packs))[count // 2])

    def fresh():
        shutil.rmtree(tree, ignore_errors=True)
        shutil.rmtree(tree + ".state", ignore_errors=True)

    took = measure(1 if count > 2000 else ROUNDS, build, fresh)
    yield "build", took, "index.json %.1f MB" % (os.path.getsize(tree + "/index.json") / 1e6)
    # What was written in the clock tick of the last look is read once more, which is no part of the next figure.
    timing.run(build)
    yield "nothing new", measure(ROUNDS, build), ""
    yield "one changed, `--only`", measure(ROUNDS, build + " --only " + one, lambda: change_pack.change(one)), ""
    yield "one changed, found", measure(ROUNDS, build, lambda: change_pack.change(one)), ""


def main():
    attune, work = os.path.abspath(sys.argv[1]), os.path.abspath(os.path.join(BENCH_DIR, "scale"))
    timing.row(["packs", "", "wall s", "CPU s", "peak MiB", "CPU ms per pack", "growth", ""])
    timing.row(["---:", "---"] + ["---:"] * 5 + ["---"])
    last = {}
    for count in map(int, sys.argv[2:]):
        shutil.rmtree(work, ignore_errors=True)
        for name, (wall, cpu, peak), note in steps(attune, work, count):
            before, before_cpu = last.get(name, (0, 0))
            growth = "%.2f" % (cpu / before_cpu / (count / before)) if before else ""
            timing.row([str(count), name, "%.3f" % wall, "%.3f" % cpu, "%.0f" % peak, "%.3f" % (cpu / count * 1000), growth, note])
            last[name] = (count, max(cpu, 1e-3))
        shutil.rmtree(work)


main()
