"""Floods and storms: `./dev floods [SEC]`.

What clients can send that asks for nothing, or for work that nobody wants, as fast as it is taken or
just slowly enough to be let go on, and what those beside it get of the hub: 100 subscribers of a
topic that gets 100 messages a second, before and meanwhile. Part of bench-suite.py, which has the
hubs and longwire-bench. The hub is on core 0, with everybody else on core 1, where a flood gives way
to those who are measured.
"""

import contextlib
import multiprocessing
import os
import re
import socket
import ssl
import statistics
import struct
import threading
import time
import typing

from bench_report import count, fine, ratio, table

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING = 0, 1, 2, 3, 4, 6
WINDOW_UPDATE, CONTINUATION, UNKNOWN = 8, 9, 0x42
END_STREAM, END_HEADERS = 1, 4
GIVES_WAY = 10  # nice
PAUSE_S = 0.002
WATCH_S = 0.05
LOOK_S, SOME = 0.5, 20
MARGIN_S = 2  # others begin and end meanwhile


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">BHBBL", len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


def literal(index, value):
    """A field (RFC 7541, 6.2.2) whose name has a number below 15."""
    return bytes([index, len(value)]) + value


# :method GET, :scheme http, :authority, :path: somebody who waits for a message
ASKS = b"\x82\x86" + literal(1, b"127.0.0.1") + literal(4, b"/t/nobody?wait=60")
POSTS = b"\x83\x86" + literal(1, b"127.0.0.1") + literal(4, b"/t/nobody")
BEGIN = PREFACE + frame(SETTINGS)


def asked_and(stream, after):
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, ASKS) + after(stream)


def reset(stream):
    return frame(RST_STREAM, 0, stream, struct.pack(">L", 8))


def no_window(stream):
    """An error of the stream (RFC 9113, 6.9), so the hub is to reset it."""
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">L", 0))


def streams(after, n):
    """Block I of a connection: N streams that have not been before."""
    return lambda i: b"".join(asked_and(2 * (i * n + k) + 1, after) for k in range(n))


def always(data):
    return lambda i: data


def client_hello():
    """What a client of TLS 1.2 says first."""
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    come, gone = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(come, gone, server_hostname="localhost").do_handshake()
    return gone.read()


class Flood(typing.NamedTuple):
    """So many CONNECTIONS, each of which says BEGIN once, and then one block after the other; ended
    ones are opened again. PER_S counts things in all, of which a block has EACH; 0: nothing is said
    behind BEGIN, and ends are looked for twice a second."""

    name: str
    begin: bytes
    block: typing.Callable  # of its number on the connection: bytes, or none at all
    each: int
    per_s: int
    connections: int = 8
    tls: bool = False  # goes to that port


HELLO = client_hello()
GARBAGE = b"\x16\x03\x01\x40\x00" + b"\xff" * 200
HALF = BEGIN + frame(HEADERS, 0, 1, ASKS)  # of a head

HTTP2 = (
    Flood("rapid reset", BEGIN, streams(reset, 100), 100, 100_000),
    Flood("rapid reset, 100/s a connection", BEGIN, streams(reset, 10), 10, 100_000, 1000),
    Flood("streams that the hub has to reset", BEGIN, streams(no_window, 100), 100, 100_000),
    Flood("CONTINUATION", HALF, always(frame(CONTINUATION, 0, 1, b"\0\1x\1y" * 4) * 100), 100, 100_000),
    Flood("CONTINUATION without a byte", HALF, always(frame(CONTINUATION, 0, 1) * 100), 100, 100_000),
    Flood("DATA without a byte", BEGIN + frame(HEADERS, END_HEADERS, 1, POSTS),
          always(frame(DATA, 0, 1) * 100), 100, 100_000),
    Flood("PING", BEGIN, always(frame(PING, 0, 0, bytes(8)) * 100), 100, 100_000),
    Flood("SETTINGS", BEGIN, always(frame(SETTINGS) * 100), 100, 100_000),
    Flood("PRIORITY", BEGIN, always(frame(PRIORITY, 0, 1, bytes(5)) * 100), 100, 100_000),
    Flood("WINDOW_UPDATE", BEGIN, always(frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1") * 100), 100, 100_000),
    Flood("frames of no type", BEGIN, always(frame(UNKNOWN) * 100), 100, 100_000),
    Flood("heads that grow sixtyfold", BEGIN,
          lambda i: frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, ASKS + b"\x90" * 16_000),
          1, 1000),
)  # fmt: skip
SECURE = (
    Flood("ClientHellos, and nothing more", HELLO, always(b""), 0, 0, 2000, True),
    Flood("garbage instead of a ClientHello", GARBAGE, always(GARBAGE), 1, 2000, 64, True),
    Flood("silence", b"", always(b""), 0, 0, 10_000, True),
)


# --- those who flood ---


class Sender:
    """One connection of a flood."""

    def __init__(self, flood, port):
        self.flood, self.port = flood, port
        self.open()

    def open(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port))
        self.socket.setblocking(False)
        self.number, self.rest, self.ended = 0, memoryview(self.flood.begin), False

    def hear(self):
        while data := self.socket.recv(1 << 16):
            del data
        self.ended = True

    def fill(self):
        if not self.rest:
            self.rest = memoryview(self.flood.block(self.number))
            self.number += 1

    def push(self):
        """Says what comes next; returns how many bytes of it were taken."""
        with contextlib.suppress(BlockingIOError):
            self.hear()
        self.fill()
        n = self.socket.send(self.rest) if self.rest else 0
        self.rest = self.rest[n:]
        return n

    def step(self):
        try:
            n = self.push()
        except BlockingIOError:
            return 0
        except OSError:
            n, self.ended = 0, True
        if self.ended:
            self.socket.close()
            self.open()
        return n


def stay(senders, until):
    """Some of them at a time, so that no crowd of new ones comes at once."""
    while time.monotonic() < until:
        for i, sender in enumerate(senders):
            sender.step()
            if i % SOME == 0:
                time.sleep(LOOK_S * SOME / len(senders))
    return 0


def spread(senders, flood, until):
    """One after the other, no more than it may be; returns how many things were sent."""
    began, sent = time.monotonic(), 0.0
    size = len(flood.block(1))
    while (now := time.monotonic()) < until:
        for sender in senders:
            if sent > flood.per_s * (now - began):
                break
            sent += sender.step() * flood.each / size
        else:
            continue
        senders.append(senders.pop(0))
        time.sleep(PAUSE_S)
    return sent


def send_all(flood, port, seconds, started, result):
    os.nice(GIVES_WAY)
    senders = [Sender(flood, port) for _ in range(flood.connections)]
    for sender in senders:
        sender.step()
    started.set()
    until = time.monotonic() + seconds
    result.value = (spread(senders, flood, until) if flood.per_s else stay(senders, until)) / seconds


@contextlib.contextmanager
def flooding(flood, port, seconds):
    """Yields what will be told how many a second there were."""
    started, result = multiprocessing.Event(), multiprocessing.Value("d")
    process = multiprocessing.Process(
        target=send_all, args=(flood, port, seconds, started, result)
    )
    process.start()
    started.wait()
    try:
        yield result
    finally:
        process.join()


# --- what others get of it ---

# What a commit takes is the disk's affair.
HUB = ("log.sync=never", "tls.handshake_timeout=1h", "http.head_timeout=1h")
OTHERS = ("--transport", "sse", "--subscribers", "100", "--rate", "100")


def anonymous_memory(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"RssAnon:\s+(\d+) kB", f.read())[1])


@contextlib.contextmanager
def watching_memory(pid):
    """Yields a list that gets, in KiB, what the process takes now and then."""
    seen, over = [anonymous_memory(pid)], threading.Event()

    def watch():
        while not over.wait(WATCH_S):
            seen.append(anonymous_memory(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def others(secure, hub, flood, seconds):
    at = hub["tls" if flood.tls else "url"]
    return secure.bench.run("fanout", *OTHERS, *secure.scale.measured(seconds), *hub["socket"], *at)


def port_of(hub, flood):
    return int(hub["tls" if flood.tls else "url"][1].rsplit(":", 1)[1])


def under(secure, flood):
    """What others get without a flood and with it, and what the hub has to bear for that."""
    seconds = secure.scale.flood_seconds
    with secure.hub(*HUB) as hub:
        without = others(secure, hub, flood, seconds)
        with watching_memory(hub["pid"]) as memory:
            with flooding(flood, port_of(hub, flood), seconds + MARGIN_S) as sent:
                within = others(secure, hub, flood, seconds)
    return flood, without, within, sent.value, max(memory) - memory[0]


def row_of(result, alone):
    flood, _, within, sent, grown = result
    p99 = within["latency_p99_ms"]
    return (
        flood.name,
        count(flood.connections),
        count(sent),
        fine(p99),
        ratio(p99, alone),
        "1.20",
        fine(within["latency_p50_ms"]),
        count(grown),
    )


def floods_of(which, title):
    def section(secure, _scale):
        results = [under(secure, flood) for flood in which]
        alone = {
            p: statistics.median(without[f"latency_{p}_ms"] for _, without, *_ in results)
            for p in ("p50", "p99")
        }
        head = (
            "flood",
            "connections",
            "a second",
            "others' p99, ms",
            "to that alone",
            "target",
            "p50, ms",
            "hub's memory grew by, KiB",
        )
        text = (
            f"Alone: p99 {fine(alone['p99'])} ms, p50 {fine(alone['p50'])} ms (medians of "
            f"{len(which)}). Here, `log.sync = never`.\n"
        )
        rows = [row_of(result, alone["p99"]) for result in results]
        return f"## {title}\n\n" + table(head, rows) + "\n" + text

    return section


FLOODS = (
    floods_of(HTTP2, "Floods of HTTP/2"),
    floods_of(SECURE, "Floods of what is no handshake"),
)
