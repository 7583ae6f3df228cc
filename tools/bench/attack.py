#!/usr/bin/env python3
"""Many hostile connections of every kind at once, and what a client beside them gets of the hub.

usage: attack.py LONGWIRED [CONNECTIONS [SECONDS]]        (normally by `./dev attack`)

Two processes open the connections (a process has few descriptors) and do each thing that one
connection could do to all others. A client beside them publishes 20 messages a second by the local
socket and as many requests by HTTP, on a connection that it keeps and on new ones; it follows by an
event stream and a WebSocket, and opens new long-polls and WebSockets. Prints a JSON document: its
delays, those of the disk alone meanwhile (a page written and synced in the hub's folder), the hub's
memory, its counters of work and memory, and how long it takes to stop. Fails when
the client was refused or lost something, when the hub held more than 1 GiB, or did not stop by
itself: delays are told, and judged by whoever reads them.

With two processors or more, the hub has one for itself and everybody else another.
"""

import json
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib

ATTACKERS = 2
PUBLISH_S = 0.05
MEMORY_MAX = 1 << 30
HISTORY = 100_000
DISK_PAGES = 256
BIG = 3  # messages of 1 MB that grow sixfold in JSON

HOST = b"Host: 127.0.0.1\r\n"
UPGRADE = (b"GET /ws HTTP/1.1\r\n" + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
           b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")


def frame(opcode, data, fin=True, compressed=False):
    n = len(data)
    head = bytes([(0x80 if fin else 0) | (0x40 if compressed else 0) | opcode])
    if n < 126:
        head += bytes([0x80 | n])
    elif n < 65536:
        head += b"\xfe" + n.to_bytes(2, "big")
    else:
        head += b"\xff" + n.to_bytes(8, "big")
    return head + bytes(4) + data


def deflated(data):
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (c.compress(data) + c.flush(zlib.Z_SYNC_FLUSH))[:-4]


def operation(**members):
    return frame(1, json.dumps(members).encode())


def get(path, more=b""):
    return f"GET {path} HTTP/1.1\r\n".encode() + HOST + more + b"\r\n"


BOMB = frame(1, deflated(b" " * 2_000_000), compressed=True)

# What one connection sends once, and then over and over as far as it is taken.
KINDS = {
    "frames that inflate a thousandfold": lambda i: (UPGRADE, BOMB * 8),
    "pipelined requests that count far back":
        lambda i: (b"", get("/t?topic=log/%23&after=-99999&wait=0&limit=1") * 200),
    "subscriptions that count far back":
        lambda i: (UPGRADE, operation(op="subscribe", topic="log/#", after="-99999") * 100),
    "large answers that are not read": lambda i: (get("/t/big?after=earliest&wait=0") * 8, b""),
    "bodies that never end":
        lambda i: (b"POST /t HTTP/1.1\r\n" + HOST + b"Content-Type: application/x-ndjson\r\n"
                   b"Content-Length: 8000000\r\n\r\n" + bytes(7_700_000), b""),
    "halves of messages": lambda i: (UPGRADE + frame(1, bytes(1_000_000), fin=False), b""),
    "halves of compressed messages":
        lambda i: (UPGRADE + frame(1, deflated(b"half"), fin=False, compressed=True), b""),
    "halves of heads": lambda i: (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 15_000, b""),
    "patterns, all different":
        lambda i: (UPGRADE + b"".join(operation(op="subscribe", topic=f"p{i}/{k}/+/#")
                                      for k in range(200)), b""),
    "topics, all different":
        lambda i: (b"".join(f"POST /t/junk/{i}/{k} HTTP/1.1\r\n".encode() + HOST +
                            b"Content-Length: 1\r\n\r\nx" for k in range(100)), b""),
    "requests without end": lambda i: (b"", get("/healthz") * 500),
    "event streams that are not read":
        lambda i: (get("/t/big?after=earliest", b"Accept: text/event-stream\r\n"), b""),
}


# --- those who attack -----------------------------------------------------------------------------


class Hostile:
    def __init__(self, port, number):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        kind = list(KINDS.values())[number % len(KINDS)]
        once, self.again = kind(number)
        self.rest = memoryview(once or self.again)

    def send(self):
        """False: there is nothing more to be sent, or nobody to send it to."""
        try:
            for _ in range(4):
                if not self.rest:
                    if not self.again:
                        return False
                    self.rest = memoryview(self.again)
                self.rest = self.rest[self.socket.send(self.rest):]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True


def attack(port, first, count, seconds):
    selector, kept = selectors.DefaultSelector(), []
    end = time.monotonic() + seconds
    for number in range(first, first + count):
        try:
            kept.append(Hostile(port, number))
        except OSError:
            break
        selector.register(kept[-1].socket, selectors.EVENT_WRITE, kept[-1])
        if number % 100 == 0:
            turn(selector, 0)
    while time.monotonic() < end:
        turn(selector, 0.2)
    os._exit(0)


def turn(selector, wait):
    for key, _ in selector.select(wait):
        if not key.data.send():
            selector.unregister(key.fileobj)
    time.sleep(0.002)


# --- the hub --------------------------------------------------------------------------------------


class Hub:
    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="longwire-attack-")
        self.socket = f"{self.folder}/hub.sock"
        with open(f"{self.folder}/log", "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [program, "--config", "/dev/null", "--set", f"hub.data_dir={self.folder}/data",
                 "--set", f"socket.path={self.socket}", "--set", "http.listen=127.0.0.1:0"],
                stdout=subprocess.PIPE, stderr=log, text=True)
        ready = re.match(r"ready http=127\.0\.0\.1:(\d+)", self.process.stdout.readline())
        if not ready:
            sys.exit(f"attack: the hub does not start, see {self.folder}/log")
        self.port = int(ready[1])

    def memory(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"RssAnon:\s+(\d+) kB", f.read())[1]) * 1024

    def stop(self):
        """Seconds until it has ended; None when it had to be killed."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None
        return round(time.monotonic() - begin, 2)


class Resp:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.socket.settimeout(60)
        self.file = self.socket.makefile("rb")

    def send(self, *words):
        text = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.socket.sendall(b"*%d\r\n" % len(text) +
                            b"".join(b"$%d\r\n%s\r\n" % (len(t), t) for t in text))

    def read(self):
        line = self.file.readline()
        if line[:1] == b"$":
            return self.file.read(int(line[1:]) + 2)[:-2]
        return line[:-2]

    def call(self, *words):
        self.send(*words)
        return self.read()


def fill(hub):
    r = Resp(hub.socket)
    for _ in range(BIG):
        r.call("XADD", "big", "*", "data", b"\x01" * 1_000_000)
    for begin in range(0, HISTORY, 1000):
        for i in range(begin, begin + 1000):
            r.send("XADD", f"log/a/{i % 50}", "*", "data", "x" * 100)
        for _ in range(1000):
            r.read()


# --- the client beside them -----------------------------------------------------------------------


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=60)


POST = (b"POST /t/innocent/http HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello")


def status_of(s, request):
    """Of the answer to what is sent, which is read up to the end of its head at least."""
    s.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = s.recv(65536)
        if not more:
            raise ConnectionError("closed")
        answer += more
    return int(answer[9:12])


class Innocent:
    """Does all that a client can do, each on a thread of its own, and notes how long it takes."""

    def __init__(self, hub):
        self.port, self.resp, self.last = hub.port, Resp(hub.socket), None
        self.sent, self.refused, self.over = {}, [], threading.Event()
        self.delays = {name: [] for name in ["stream", "websocket", "resp", "post_kept",
                                             "post_new", "poll_new", "websocket_new"]}
        self.follow("stream", get("/t/innocent", b"Accept: text/event-stream\r\n"))
        self.follow("websocket", UPGRADE.replace(b"/ws", b"/t/innocent?format=raw"
                    ).replace(b"Sec-WebSocket-Extensions: permessage-deflate\r\n", b""))

    def follow(self, name, request):
        """Notes when messages come, which are alone in what they are sent in."""
        s = connect(self.port)
        s.sendall(request)
        begun, self.sent[name] = threading.Event(), {}

        def run():
            rest = b""
            s.settimeout(None)
            while data := s.recv(65536):
                begun.set()
                *parts, rest = re.split(rb"(?<=;)", rest + data)
                for number in re.findall(rb"m\d+;", b"".join(parts)):
                    sent = self.sent[name].pop(number.decode(), None)
                    if sent:
                        self.delays[name].append(time.monotonic() - sent)

        threading.Thread(target=run, daemon=True).start()
        begun.wait(60)

    def publish(self, number):
        name = f"m{number};"
        begin = time.monotonic()
        for sent in self.sent.values():
            sent[name] = begin
        answer = self.resp.call("XADD", "innocent", "*", "data", name)
        self.delays["resp"].append(time.monotonic() - begin)
        if answer[:1] == b"-":
            raise ConnectionError(answer.decode())
        self.last = answer.decode()

    def ask(self, name, request, wanted, kept=None):
        begin = time.monotonic()
        if kept:
            status = status_of(kept, request)
        else:
            with connect(self.port) as s:
                status = status_of(s, request)
        self.delays[name].append(time.monotonic() - begin)
        if status != wanted:
            raise ConnectionError(f"{name} {status}")

    def again(self, step):
        """Until it is over, PUBLISH_S apart."""
        number = 0
        while not self.over.is_set():
            try:
                step(number)
            except OSError as error:
                self.refused.append(str(error))
            number += 1
            time.sleep(PUBLISH_S)

    def run(self, seconds, watch):
        kept = connect(self.port)
        end = time.monotonic() + seconds
        self.publish("0")
        steps = [
            lambda n: self.publish(n + 1),
            lambda n: self.ask("post_kept", POST, 201, kept),
            lambda n: self.ask("post_new", POST, 201),
            lambda n: self.ask("poll_new", get(f"/t/innocent/http?after={self.last}&wait=5"), 200),
            lambda n: self.ask("websocket_new", UPGRADE, 101),
        ]
        threads = [threading.Thread(target=self.again, args=[step]) for step in steps]
        for thread in threads:
            thread.start()
        while time.monotonic() < end:
            watch()
            time.sleep(PUBLISH_S)
        self.over.set()
        for thread in threads:
            thread.join()

    def lost(self):
        end = time.monotonic() + 30
        while any(self.sent.values()) and time.monotonic() < end:
            time.sleep(0.05)
        return sum(len(sent) for sent in self.sent.values())

    def figures(self):
        return {name: delays(found) for name, found in self.delays.items()}


def delays(seconds):
    if not seconds:
        return None
    ms = sorted(round(s * 1e3, 1) for s in seconds)
    return {"n": len(ms), "p50": ms[len(ms) // 2], "p99": ms[int(len(ms) * 0.99)], "max": ms[-1]}


class Disk:
    """What the disk alone takes of a commit: an fdatasync in the hub's folder now and then."""

    def __init__(self, folder):
        self.path, self.delays, self.over = f"{folder}/disk", [], threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        page, number = bytes(4096), 0
        with open(self.path, "wb", buffering=0) as f:
            while not self.over.is_set():
                begin = time.monotonic()
                os.pwrite(f.fileno(), page, number % DISK_PAGES * len(page))
                os.fdatasync(f.fileno())
                self.delays.append(time.monotonic() - begin)
                number += 1
                time.sleep(PUBLISH_S)

    def stop(self):
        self.over.set()
        self.thread.join()
        return delays(self.delays)


COUNTERS = ["turns", "turns_full", "turn_work_max", "yields", "memory_paused", "memory_refused",
            "subscriptions_refused", "http_requests", "publishes"]


def main():
    program = os.path.abspath(sys.argv[1])
    connections = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 30
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) > 1:
        os.sched_setaffinity(0, processors[:1])
    hub = Hub(program)
    if len(processors) > 1:
        os.sched_setaffinity(0, processors[1:])
    fill(hub)
    before = Innocent(hub)
    before.run(3, lambda: None)
    children, share, memory = [], connections // ATTACKERS, [hub.memory()]
    for number in range(ATTACKERS):
        child = os.fork()
        if child == 0:
            attack(hub.port, number * share, share, seconds + 5)
        children.append(child)
    innocent, disk = Innocent(hub), Disk(hub.folder)
    innocent.run(seconds, lambda: memory.append(hub.memory()))
    disk_ms = disk.stop()
    lost = innocent.lost()
    stats = json.loads(innocent.resp.call("HUB", "STATS"))
    stop = hub.stop()
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    print(json.dumps({
        "connections": connections, "seconds": seconds, "before_ms": before.figures(),
        "ms": innocent.figures(), "disk_ms": disk_ms,
        "refused": innocent.refused[:5], "refused_count": len(innocent.refused), "lost": lost,
        "memory_before": memory[0], "memory_peak": max(memory),
        "peer_bytes_peak": stats.get("peer_bytes_peak"), "open": stats["connections"],
        "counters": {name: stats["counters"].get(name) for name in COUNTERS}, "stop_s": stop,
    }, indent=1))
    shutil.rmtree(hub.folder)
    bad = innocent.refused or lost or max(memory) > MEMORY_MAX or stop is None
    return 1 if bad else 0


sys.exit(main())
