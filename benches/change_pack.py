"""change_pack.py DIR: gives a pack its next patch version and one more line of README."""
import os, re, sys


def change(folder):
    manifest = os.path.join(folder, "pack.yaml")
    with open(manifest) as file:
        text = file.read()
    text, found = re.subn(r'(version: "\d+\.\d+\.)(\d+)"', lambda match: '%s%d"' % (match[1], int(match[2]) + 1), text, count=1)
    if not found:
        sys.exit("%s has no version to count up" % manifest)
    with open(manifest, "w") as file:
        file.write(text)
    with open(os.path.join(folder, "README.md"), "a") as file:
        file.write("\nChanged once more.\n")


if __name__ == "__main__":
    change(sys.argv[1])
