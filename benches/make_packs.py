"""make_packs.py DIR COUNT [small]: writes COUNT synthetic packs, the same ones every time; small ones have four files."""
import os, random, sys

WORDS = "alert backup branch cache channel check cluster config deploy disk event file group host image job key log message metric node page policy queue record report role rule server service session status table task team ticket token user volume".split()


def words(rng, count):
    return " ".join(rng.choice(WORDS) for _ in range(count))


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text)


def pack(root, number, small=False):
    rng = random.Random(number)
    name = "%s_%04d" % (rng.choice(WORDS), number)
    folder = os.path.join(root, name)
    write(folder + "/pack.yaml", 'ref: %s\nlabel: "%s"\ndescription: "%s"\nversion: "%d.%d.%d"\nauthor: "%s"\nlicense: Apache-2.0\nrepository: https://git.example.org/%s\nkeywords: [%s]\nruntime_deps: [python3]\n'
          % (name, words(rng, 2).title(), words(rng, 12), rng.randint(0, 3), rng.randint(0, 9), rng.randint(0, 9), words(rng, 2).title(), name, ", ".join(sorted(set(rng.sample(WORDS, 4))))))
    write(folder + "/README.md", "# %s\n\n" % name + "\n\n".join(words(rng, 60) + "." for _ in range(1 if small else 6)) + "\n")
    counts = (("actions", 1),) if small else (("actions", rng.randint(8, 14)), ("sensors", rng.randint(1, 3)), ("triggers", rng.randint(1, 3)), ("rules", rng.randint(0, 2)))
    for kind, count in counts:
        for i in range(count):
            item = "%s_%d" % (rng.choice(WORDS), i)
            rows = "".join("  %s_%d:\n    type: string\n    description: \"%s\"\n    required: %s\n" % (rng.choice(WORDS), j, words(rng, 8), rng.choice(["true", "false"])) for j in range(rng.randint(1, 6)))
            write("%s/%s/%s.yaml" % (folder, kind, item), 'ref: %s.%s\nlabel: "%s"\ndescription: "%s"\nrunner_type: python\nentry_point: %s.py\nparameters:\n%s' % (name, item, words(rng, 2), words(rng, 10), item, rows))
            if kind in ("actions", "sensors"):
                write("%s/%s/%s.py" % (folder, kind, item), "".join("def %s_%d(%s):\n    return %r\n\n\n" % (rng.choice(WORDS), j, rng.choice(WORDS), words(rng, 20)) for j in range(3 if small else rng.randint(10, 40))))


def make(root, count, small=False):
    for number in range(count):
        pack(root, number, small)


if __name__ == "__main__":
    make(sys.argv[1], int(sys.argv[2]), "small" in sys.argv[3:])
