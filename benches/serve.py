#!/usr/bin/env python3
"""How a registry is served: our program beside web servers, on the same files, in turn (A B A B …).

usage: serve.py ATTUNE [--rounds N] [--seconds N] [--connections N] [--idle N,N] [--skip load,idle,many,slow]
                [--only NAME,NAME] [--bare] [--dir DIR]

load   requests per second, 99th percentile and, what counts on a machine with other work, processor time per request of the
       server, for a document of 300 bytes, one of 100 KB plain and as its gzip twin, a 304, an archive of 1 MiB, and an
       index of 3.3 MB. Ratios are medians over the rounds, each against the first server of the same round.
idle   memory with so many connections that asked once and wait
many   10,000 waiting connections while 500 ask for the index (F8)
slow   2,000 connections that send nothing, trickle a head, or do not read, while 100 requests a second are sent (F9)

Our server runs as it would in production: rates, ids and a log of requests (JSON, to a file) and measures are on. So do nginx
(the same) and lighttpd (a log), unless --bare is given. Needs wrk for `load`, and whichever of nginx, lighttpd and
static-web-server are there. Server on one core, load on the other. Linux.
"""

import argparse
import gzip
import os
import random
import re
import resource
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TIME = 1_700_000_000
SCENARIOS = {
    "300 B": ("/sparse.json", []),
    "100 KB": ("/index.json", []),
    "100 KB gzip": ("/index.json", ["Accept-Encoding: gzip"]),
    "304": ("/index.json", None),
    "1 MiB": ("/archives/a/a-1.0.0.tar.gz", []),
    "3.3 MB": ("/large.json", []),
}


def text_of(size, seed):
    """JSON that compresses about as an index does."""
    words = random.Random(seed)
    rows, length = [], 0
    while length < size:
        row = '{"ref":"pack%d","checksum":"sha256:%064x","version":"%d.%d.0"}' % (
            len(rows), words.getrandbits(256), words.randrange(9), words.randrange(99))
        rows.append(row)
        length += len(row) + 1
    return ('{"packs":[' + ",".join(rows) + "]}").encode()


def files(root):
    root.mkdir(parents=True)
    (root / "archives/a").mkdir(parents=True)
    small = b'{"ref":"aws","version":"1.2.3"}'
    contents = {
        "registry.json": b'{"format":2}',
        "sparse.json": small + b" " * (300 - len(small)),
        "index.json": text_of(100_000, 1),
        "large.json": text_of(3_300_000, 2),
        "archives/a/a-1.0.0.tar.gz": random.Random(3).randbytes(1 << 20),
    }
    contents["index.json.gz"] = gzip.compress(contents["index.json"], 9, mtime=0)
    for name, data in contents.items():
        (root / name).write_bytes(data)
        os.utime(root / name, (TIME, TIME))


NGINX_LOG = (
    "log_format ours escape=json '{\"time\":\"$time_iso8601\",\"level\":\"info\",\"request_id\":\"$request_id\","
    "\"client\":\"$remote_addr\",\"method\":\"$request_method\",\"path\":\"$uri\",\"status\":$status,"
    "\"bytes\":$body_bytes_sent,\"seconds\":$request_time,\"agent\":\"$http_user_agent\"}';"
    "access_log %s/nginx.log ours buffer=64k flush=1s; add_header X-Request-ID $request_id;"
    "limit_req_zone $binary_remote_addr zone=addresses:1m rate=1000000r/s; limit_req zone=addresses burst=1000000 nodelay;")


def commands(attune, work, root, bare):
    """Per server: how it is started on a port."""
    nginx_log = "access_log off;" if bare else NGINX_LOG % work
    lighttpd_log = "" if bare else f'server.modules+=("mod_accesslog")\naccesslog.filename="{work}/lighttpd.log"\n'
    nginx = work / "nginx"
    nginx.mkdir()
    paths = "".join(f"{name}_temp_path {nginx};" for name in
                    ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.geteuid() == 0 else ""

    def nginx_of(port):
        (nginx / "nginx.conf").write_text(
            f"{user} worker_processes 1; daemon off; pid {nginx}/pid; error_log /dev/null;"
            "events { worker_connections 20000; } http { sendfile on; tcp_nopush on;"
            "keepalive_requests 100000000; keepalive_timeout 600; open_file_cache max=2000; gzip_static on;"
            "types { application/json json; application/gzip gz; }"
            f"{nginx_log} {paths} server {{ listen 127.0.0.1:{port} backlog=8192; root {root}; }} }}")
        return ["nginx", "-p", str(nginx), "-c", str(nginx / "nginx.conf")]

    def lighttpd_of(port):
        config = work / "lighttpd.conf"
        cache = work / "lighttpd"
        cache.mkdir(exist_ok=True)
        config.write_text(
            f'server.document-root="{root}"\nserver.port={port}\nserver.bind="127.0.0.1"\n'
            f'server.modules=("mod_deflate")\n{lighttpd_log}deflate.mimetypes=("application/json")\n'
            f'deflate.allowed-encodings=("gzip")\ndeflate.cache-dir="{cache}"\n'
            'mimetype.assign=(".json"=>"application/json",".gz"=>"application/gzip")\n'
            "server.max-keep-alive-requests=100000000\nserver.max-keep-alive-idle=600\n"
            "server.max-fds=20000\nserver.max-connections=9000\nserver.listen-backlog=4096\n")
        return ["lighttpd", "-D", "-f", str(config)]

    settings = work / "config.yaml"
    settings.write_text(
        "server:\n  metrics: loopback\n"
        "  rate_limit: {per_address: 4000000000/s, per_token: 1000/s}\n"
        f"  log: {{access: {work}/access.log, format: json}}\n")
    found = {
        "nginx": nginx_of,
        "lighttpd": lighttpd_of,
        "static-web-server": lambda port: [
            "static-web-server", "-a", "127.0.0.1", "-p", str(port), "-d", str(root),
            "--compression-static", "true", "-g", "error", "-n", "1"],
        "attune": lambda port: [
            attune, "--config", str(settings), "registry", "serve", str(root),
            "--listen", f"127.0.0.1:{port}"],
    }
    os.environ["PATH"] += ":/usr/sbin"
    return {name: of for name, of in found.items() if shutil.which(of(1)[0])}


class Server:
    """A server on the first core, and its processes."""

    def __init__(self, name, of):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.name = name
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", *of(self.port)], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() - self.begun > 20:
                    sys.exit(f"{name} did not start")
                time.sleep(0.005)
        self.start_seconds = time.monotonic() - self.begun

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def pids(self):
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for task in os.listdir(f"/proc/{pid}/task"):
                waiting += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        return found

    def cpu(self):
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """MiB in memory."""
        total = 0
        for pid in self.pids():
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Rss:\s+(\d+)", text, re.M).group(1))
        return total / 1024

    def sockets(self):
        folder = f"/proc/{self.pids()[-1]}/fd"
        count = 0
        for name in os.listdir(folder):
            try:
                count += os.readlink(f"{folder}/{name}").startswith("socket:")
            except OSError:
                pass
        return count

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 20)

    def head(self, path, fields=()):
        lines = "".join(field + "\r\n" for field in fields)
        with self.connect() as stream:
            request = f"HEAD {path} HTTP/1.1\r\nHost: x\r\n{lines}Connection: close\r\n\r\n"
            stream.sendall(request.encode())
            answer = b""
            while piece := stream.recv(65536):
                answer += piece
        return answer.decode()


def ask(stream, path):
    """One GET on a connection that stays open; the size of the body."""
    stream.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = stream.recv(65536)
        if not piece:
            raise OSError("closed")
        answer += piece
    head, body = answer.split(b"\r\n\r\n", 1)
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise OSError(head.decode())
    length = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
    got = len(body)
    while got < length:
        piece = stream.recv(1 << 18)
        if not piece:
            raise OSError("cut")
        got += len(piece)
    return got


def wrk(server, path, fields, options):
    more = [part for field in fields for part in ("-H", field)]
    run = subprocess.run(
        ["taskset", "-c", "1", "wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", "--latency",
         *more, f"http://127.0.0.1:{server.port}{path}"], capture_output=True, text=True, check=True).stdout
    units = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    late = re.search(r"99%\s+([\d.]+)(us|ms|s)", run)
    if "Socket errors" in run or "Non-2xx" in run and " 304" not in run and not any(
            field.startswith("If-") for field in fields):
        print(f"  {server.name} {path}: errors\n{run}")
    return (int(re.search(r"(\d+) requests in", run).group(1)),
            float(re.search(r"Requests/sec:\s+([\d.]+)", run).group(1)),
            float(late.group(1)) * units[late.group(2)])


def load(found, options):
    rows = {}
    for _ in range(options.rounds):
        servers = {name: Server(name, of) for name, of in found.items()}
        try:
            for label, (path, fields) in SCENARIOS.items():
                for name, server in servers.items():
                    answer = server.head(path, fields or ())
                    if fields is None:
                        tag = re.search(r"(?i)etag: *(.*?)\r", answer)
                        used = ["If-None-Match: " + tag.group(1)]
                        supported = " 304 " in server.head(path, used)
                    else:
                        used = fields
                        supported = not fields or "content-encoding: gzip" in answer.lower()
                    if not supported:
                        continue
                    before = server.cpu()
                    count, rate, late = wrk(server, path, used, options)
                    micros = (server.cpu() - before) / max(count, 1) * 1e6
                    rows.setdefault((label, name), []).append((rate, late, micros, server.memory()))
        finally:
            for server in servers.values():
                server.__exit__()
    first = next(iter(found))
    print(f"\n{options.connections} connections, {options.rounds} rounds of {options.seconds} s; ratios to {first}\n")
    print("| | server | requests/s | x | p99 ms | CPU µs/request | x | MiB |\n|---|---|---|---|---|---|---|---|")
    for (label, name), runs in rows.items():
        base = rows.get((label, first), runs)
        middle = [statistics.median(run[at] for run in runs) for at in range(4)]
        ratio = [statistics.median(a[at] / b[at] for a, b in zip(runs, base)) for at in range(3)]
        print(f"| {label} | {name} | {middle[0]:,.0f} | {ratio[0]:.2f} | {middle[1]:.2f} | {middle[2]:.1f} "
              f"| {ratio[2]:.2f} | {middle[3]:.0f} |", flush=True)


def open_many(server, count):
    streams = []
    for _ in range(count):
        stream = server.connect()
        ask(stream, "/sparse.json")
        streams.append(stream)
    return streams


def idle(found, options):
    print("\n| connections | server | MiB before | MiB | KiB each |\n|---|---|---|---|---|")
    for count in options.idle:
        for name, of in found.items():
            with Server(name, of) as server:
                ask(server.connect(), "/sparse.json")
                before = server.memory()
                try:
                    streams = open_many(server, count)
                except OSError as error:
                    print(f"| {count} | {name} | {before:.1f} | {error} | |")
                    continue
                time.sleep(0.5)
                after = server.memory()
                print(f"| {count} | {name} | {before:.1f} | {after:.1f} | {(after - before) * 1024 / count:.1f} |",
                      flush=True)
                for stream in streams:
                    stream.close()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def many(of):
    """F8: 10,000 connections, 500 of them at work."""
    with Server("attune", of) as server:
        started = server.start_seconds
        waiting = open_many(server, 9500)
        working = open_many(server, 500)
        times, errors = [], 0
        end = time.monotonic() + 10
        # In two processes' worth of threads: each asks on its connections in turn, all of them at once.
        lock = threading.Lock()

        def work(mine):
            nonlocal errors
            while time.monotonic() < end:
                for stream in mine:
                    begun = time.monotonic()
                    try:
                        ask(stream, "/index.json")
                        with lock:
                            times.append(time.monotonic() - begun)
                    except OSError:
                        with lock:
                            errors += 1
        threads = [threading.Thread(target=work, args=(working[n::8],)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        memory = server.memory()
        alive = 0
        for stream in waiting[::19]:
            alive += ask(stream, "/sparse.json") == 300
        print(f"\n10,000 connections, 500 at work for 10 s: ready after {started:.2f} s, {len(times)} requests, "
              f"{errors} errors, p99 {percentile(times, .99) * 1000:.0f} ms, {memory:.0f} MiB, "
              f"{alive} of {len(waiting[::19])} that waited still answered", flush=True)
        for stream in waiting + working:
            stream.close()


def slow(of):
    """F9: connections that hold the server up, while honest ones ask."""
    with Server("attune", of) as server:
        honest = server.connect()
        ask(honest, "/sparse.json")
        before = server.memory()
        # The honest one is still open.
        sockets = server.sockets()
        kinds = {}
        for kind, first in {
            "nothing": b"",
            "trickled head": b"GET / HTTP/1.1\r\nHo",
            "body": b"PUT /api/v1/packs/a/1.0.0 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
            "unread": b"GET /large.json HTTP/1.1\r\nHost: x\r\n\r\n" * 8,
        }.items():
            for _ in range(500):
                stream = socket.socket()
                if kind == "unread":
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                stream.connect(("127.0.0.1", server.port))
                stream.sendall(first)
                stream.setblocking(False)
                kinds[stream] = kind
        begun = time.monotonic()
        closed, times, errors, most = {}, [], 0, before
        selector = selectors.DefaultSelector()
        for stream, kind in kinds.items():
            if kind != "unread":
                selector.register(stream, selectors.EVENT_READ)
        last = 0.0
        while (passed := time.monotonic() - begun) < 45 and len(closed) < len(kinds):
            at = time.monotonic()
            try:
                ask(honest, "/index.json")
                times.append(time.monotonic() - at)
            except OSError:
                errors += 1
                honest = server.connect()
            for key, _ in selector.select(0):
                try:
                    ended = not key.fileobj.recv(65536)
                except BlockingIOError:
                    continue
                except OSError:
                    ended = True
                if ended:
                    closed[key.fileobj] = passed
                    selector.unregister(key.fileobj)
            if passed - last > 1:
                last = passed
                # Those who do not read do not see the end either; the server has a socket less for each.
                unread = [s for s, kind in kinds.items() if kind == "unread" and s not in closed]
                others = sum(kind != "unread" and s not in closed for s, kind in kinds.items())
                held = server.sockets() - sockets - others
                for stream in unread[:max(0, len(unread) - held)]:
                    closed[stream] = passed
                most = max(most, server.memory())
                for stream, kind in kinds.items():
                    if kind == "trickled head" and stream not in closed and int(passed) % 10 == 0:
                        try:
                            stream.send(b"x")
                        except OSError:
                            closed.setdefault(stream, passed)
            time.sleep(max(0.0, 0.01 - (time.monotonic() - at)))
        print(f"\n2,000 that hold up, 100 requests a second: {len(times)} requests, {errors} errors, "
              f"p99 {percentile(times, .99) * 1000:.1f} ms, {before:.0f} to {most:.0f} MiB")
        for kind in dict.fromkeys(kinds.values()):
            ends = [closed.get(stream) for stream, of_kind in kinds.items() if of_kind == kind]
            still = sum(end is None for end in ends)
            latest = max((end for end in ends if end is not None), default=float("nan"))
            print(f"  {kind}: {len(ends) - still} of {len(ends)} closed, the last after {latest:.0f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("attune")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--idle", default="1000,5000")
    parser.add_argument("--skip", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--dir", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    options = parser.parse_args()
    options.idle = [int(count) for count in options.idle.split(",") if count]
    skipped = options.skip.split(",")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        work = Path(folder)
        files(work / "tree")
        found = commands(os.path.abspath(options.attune), work, work / "tree", options.bare)
        only = options.only.split(",") if options.only else list(found)
        found = {name: of for name, of in found.items() if name in only}
        if "load" not in skipped:
            load(found, options)
        if "idle" not in skipped:
            idle(found, options)
        if "many" not in skipped:
            many(found["attune"])
        if "slow" not in skipped:
            slow(found["attune"])


main()
