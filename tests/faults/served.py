#!/usr/bin/env python3
"""Changes to a registry over HTTP, asked for from outside of what is cut.

    served.py ask WORK METHOD PATH [FILE]     waits in the background for servers; asks each of them once, then ends it
    served.py told WORK                       the status the last server answered with, `none` if it answered nothing

The server under test is started by `serve.sh`, which leaves its process id in WORK/pid and what it says in WORK/said. The
token is WORK/token. Who asks is no child of the server's tracer: only the server dies.
"""
import http.client, os, re, signal, socket, sys, time

work = sys.argv[2]


def read(name):
    try:
        with open(f"{work}/{name}") as file:
            return file.read()
    except OSError:
        return ""


def change(port, method, path, body):
    """The status; `none` if the server went away before its answer had come."""
    headers = {"Authorization": "Bearer " + read("token").strip(), "Content-Type": "application/octet-stream"}
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return str(answer.status)
    except (OSError, http.client.HTTPException):
        return "none"


def ask(method, path, file=None):
    body = open(file, "rb").read() if file else b'{"reason":"broken"}'
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{work}/asker")
    listener.listen()
    listener.settimeout(0.005)
    done, status = "", "none"
    while True:
        pid = read("pid").strip()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", read("said"))
        if found and pid != done:
            done, status = pid, change(int(found.group(1)), method, path, body)
            try:
                os.kill(int(pid), signal.SIGTERM)
            except OSError:
                pass
        try:
            with listener.accept()[0] as client:
                # The server has ended by now: what it did not answer, it will not.
                client.sendall((status if pid == done else "none").encode())
                done, status = pid, "none"
        except TimeoutError:
            pass


def told():
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{work}/asker")
        print(client.recv(16).decode())


if sys.argv[1] == "ask":
    ask(*sys.argv[3:])
told()
