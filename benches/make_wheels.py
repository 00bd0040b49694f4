"""make_wheels.py PACKS OUT COUNT: the first COUNT packs as wheels in OUT/wheels, with pages in OUT/simple and OUT/requirements.txt."""
import base64, hashlib, os, re, sys, zipfile


def files(folder):
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(root, name)
            with open(path, "rb") as source:
                yield os.path.relpath(path, folder), source.read()


def wheel(packs, out, name):
    with open(os.path.join(packs, name, "pack.yaml")) as manifest:
        version = re.search(r'^version: "(.*)"', manifest.read(), re.M).group(1)
    about = "%s-%s.dist-info" % (name, version)
    content = [(name + "/" + path, data) for path, data in files(os.path.join(packs, name))]
    content += [(about + "/METADATA", b"Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name.encode(), version.encode())),
                (about + "/WHEEL", b"Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n")]
    record = ["%s,sha256=%s,%d" % (path, base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode(), len(data)) for path, data in content]
    file = "%s-%s-py3-none-any.whl" % (name, version)
    with zipfile.ZipFile(os.path.join(out, "wheels", file), "w", zipfile.ZIP_DEFLATED) as target:
        for path, data in content + [(about + "/RECORD", "\n".join(record + [about + "/RECORD,,"]).encode() + b"\n")]:
            target.writestr(path, data)
    with open(os.path.join(out, "wheels", file), "rb") as made:
        digest = hashlib.sha256(made.read()).hexdigest()
    page = os.path.join(out, "simple", name.replace("_", "-"))
    os.makedirs(page)
    with open(page + "/index.html", "w") as text:
        text.write('<html><body><a href="/wheels/%s#sha256=%s">%s</a></body></html>\n' % (file, digest, file))
    return "%s==%s\n" % (name, version)


packs, out, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.makedirs(os.path.join(out, "wheels"))
with open(os.path.join(out, "requirements.txt"), "w") as lines:
    lines.writelines(wheel(packs, out, name) for name in sorted(os.listdir(packs))[:count])
