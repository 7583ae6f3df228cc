"""What tokens cost those beside them: `./dev bench access`.

Subscribers get messages while others come back again and again, with tokens of a costly algorithm
that are not all known. Part of bench-suite.py, which has the hubs and longwire-bench. The hub, the
threads that verify tokens among it, is on core 0, with everybody else on core 1, where those who come
back give way to those who are measured.
"""

import contextlib
import multiprocessing
import os
import selectors
import socket
import statistics
import subprocess
import time

from bench_report import count, fine, ratio, table

TOKENS = 100
AT_ONCE = 32
GIVES_WAY = 10  # nice
TURN_S = 0.002
LATE_S = 60  # then whoever is still to come is not waited for
ANSWER = 4096
LET_IN = b"HTTP/1.1 200"
P99 = "latency_p99_ms"
KEY = "openssl ecparam -name prime256v1 -genkey -noout".split()
PUBLIC = "openssl ec -pubout".split()


def make_keys(folder):
    """The files of a pair for ES256: (private, public)."""
    private, public = os.path.join(folder, "es256.key"), os.path.join(folder, "es256.pem")
    for words in ([*KEY, "-out", private], [*PUBLIC, "-in", private, "-out", public]):
        subprocess.run(words, check=True, capture_output=True)
    return private, public


def make_tokens(build, private, names):
    """One for each name, which grants a topic of its own."""
    make = [os.path.join(build, "longwirectl"), "token", "make", private, "for=86400"]
    words = ([*make, f"sub={name}", "subscribe=users/{sub}"] for name in names)
    return [
        subprocess.run(one, check=True, capture_output=True, text=True).stdout.strip()
        for one in words
    ]


def request(name, token):
    return (
        f"GET /t/users/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()


class Crowd:
    """Connects, asks with the next token, and goes when there is an answer; no more than AT_ONCE."""

    def __init__(self, port, requests):
        self.port = port
        self.requests = requests
        self.selector = selectors.DefaultSelector()
        self.begun = self.answered = self.let_in = 0

    def begin(self):
        client = socket.create_connection(("127.0.0.1", self.port))
        client.sendall(self.requests[self.begun % len(self.requests)])
        client.setblocking(False)
        self.selector.register(client, selectors.EVENT_READ)
        self.begun += 1

    def hear(self):
        for key, _ in self.selector.select(TURN_S):
            with contextlib.suppress(OSError):
                self.let_in += key.fileobj.recv(ANSWER).startswith(LET_IN)
            self.selector.unregister(key.fileobj)
            key.fileobj.close()
            self.answered += 1

    def come(self, total, seconds):
        """TOTAL of them, spread over so many seconds; returns how long it took."""
        began = time.monotonic()
        while self.answered < total and time.monotonic() < began + seconds + LATE_S:
            due = min(total, int((time.monotonic() - began) / seconds * total) + 1)
            while self.begun < due and self.begun - self.answered < AT_ONCE:
                self.begin()
            self.hear()
        return time.monotonic() - began


def come_back(port, requests, total, seconds, told):
    os.nice(GIVES_WAY)
    crowd = Crowd(port, requests)
    took = crowd.come(total, seconds)
    told.send((crowd.let_in, took))


@contextlib.contextmanager
def coming_back(hub, requests, total, seconds):
    """Yields what has, behind it, how many were let in and how long all took."""
    port = int(hub["url"][1].rsplit(":", 1)[1])
    heard, told = multiprocessing.Pipe(False)
    process = multiprocessing.Process(
        target=come_back, args=(port, requests, total, seconds, told)
    )
    process.start()
    result = {}
    try:
        yield result
        result["let_in"], result["took"] = heard.recv()
    finally:
        process.join()


def round_of(secure, settings, requests):
    """Without them and with them, at a hub that knows none of the tokens yet."""
    scale = secure.scale
    crowd = ("--transport", "sse", "--subscribers", str(scale.subscribers), "--rate", "100")
    with secure.bench.hub(*settings) as hub:
        words = (*crowd, *scale.measured(scale.storm_seconds), *hub["socket"], *hub["url"])
        without = secure.bench.run("fanout", *words)
        with coming_back(hub, requests, scale.silent, scale.storm_seconds) as others:
            beside = secure.bench.run("fanout", *words)
    return without, beside, others


def row_of(result, total):
    without, beside, others = result
    return (
        fine(without[P99]),
        fine(beside[P99]),
        ratio(beside[P99], without[P99]),
        "1.20",
        f"{count(others['let_in'])} of {count(total)}",
        count(total / others["took"]),
    )


def reconnects(secure, scale):
    names = [f"u{n}" for n in range(TOKENS)]
    private, public = make_keys(secure.folder)
    tokens = make_tokens(secure.bench.build, private, names)
    requests = [request(name, token) for name, token in zip(names, tokens)]
    settings = (f"access.key=es {public}", "access.anonymous=subscribe", "log.sync=never")
    results = [round_of(secure, settings, requests) for _ in range(scale.rounds)]
    head = ("p99 alone, ms", "meanwhile, ms", "ratio", "target", "let in", "a second")
    rows = [row_of(result, scale.silent) for result in results]
    middle = statistics.median(beside[P99] / without[P99] for without, beside, _ in results)
    return (
        f"## {count(scale.silent)} who come back with {TOKENS} tokens of ES256\n\n"
        + table(head, rows)
        + f"\nTo {count(scale.subscribers)} event streams at 100/s; the median of the ratios is "
        f"{fine(middle)}. Here, `log.sync = never`.\n"
    )


ACCESS = (reconnects,)
