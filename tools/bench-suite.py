#!/usr/bin/env python3
"""Sets of measurements: `./dev bench` runs the standard one, `./dev bench log` that of the log.

usage: bench-suite.py BUILD [log]

Starts hubs out of the folder BUILD, measures them with longwire-bench beside their raw limits, and
prints what came out; the same goes to BUILD/bench/report.md (of the log: log.md), and every figure
to BUILD/bench/results.json (log.json). Hub and raw server run on core 0, the load on core 1. What
is compared is measured in turn, several times, and the medians are told.
"""

import contextlib
import csv
import datetime
import itertools
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SUBSCRIBERS = 1000
ROUNDS = 3
MEASURED = ("--seconds", "2", "--warmup", "500")
# At saturation: far enough ahead that the hub never waits for the publisher, and not so far that
# latency says nothing.
AHEAD = ("--rate", "0", "--window", "1000", "--pipeline", "1000")
STEADY = ("--rate", "50")
# Whom the hub has to wake is the load's affair.
AWAKE = ("--spin",)

# Options of longwire-bench, and what the report calls them.
FORMATS = (
    (("--transport", "ws", "--raw"), "WebSocket raw"),
    (("--transport", "ws"), "WebSocket envelopes"),
    (("--transport", "sse", "--raw"), "SSE raw"),
)

CROWDS = (1000, 10000)
IDLE_CONNECTIONS = 15000
IDLE = (
    (("--transport", "sse"), "SSE", "400"),
    (("--transport", "ws"), "WebSocket", "400"),
    (("--transport", "poll"), "long-poll", "600"),
)


class Bench:
    """Runs longwire-bench and keeps what it reports."""

    def __init__(self, build):
        self.build = build
        self.folder = os.path.join(build, "bench")
        self.results = []
        self.commit_ms = None  # of one message
        self.appended = self.idle = None
        self.pinned = (os.cpu_count() or 1) > 1 and shutil.which("taskset")
        os.makedirs(self.folder, exist_ok=True)

    def on_core(self, core, words):
        return ["taskset", "-c", str(core), *words] if self.pinned else list(words)

    @contextlib.contextmanager
    def hub(self, *settings, data=None, config=""):
        """A hub with one worker, on a fresh log or on DATA; yields the options that lead to it, and
        its process id."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            socket = os.path.join(folder, "hub.sock")
            with open(os.path.join(folder, "hub.ini"), "w", encoding="utf-8") as f:
                f.write(config)
            words = [os.path.join(self.build, "longwired"), "--config", f"{folder}/hub.ini"]
            for setting in (
                f"hub.data_dir={data or folder + '/data'}",
                f"socket.path={socket}",
                "http.listen=127.0.0.1:0",
                "hub.workers=1",
                "hub.log_level=error",
                *settings,
            ):
                words += ["--set", setting]
            with subprocess.Popen(
                self.on_core(0, words), stdout=subprocess.PIPE, text=True
            ) as process:
                try:
                    ready = process.stdout.readline().split()
                    if not ready:
                        sys.exit("the hub did not start; it says why above")
                    url = ready[1].removeprefix("http=")
                    yield {
                        "socket": ("--socket", socket),
                        "url": ("--url", url),
                        "pid": process.pid,
                    }
                finally:
                    process.terminate()

    def run(self, mode, *options):
        words = [os.path.join(self.build, "longwire-bench"), mode, *options, "--json"]
        core = 0 if mode == "log" else 1  # it stands for the hub
        print(f"longwire-bench {mode} {' '.join(options)}", file=sys.stderr)
        done = subprocess.run(
            self.on_core(core, words), stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode > 1 or not done.stdout:
            sys.exit(f"longwire-bench ended with status {done.returncode}")
        if done.returncode == 1:
            print("  messages were lost, repeated or refused", file=sys.stderr)
        result = json.loads(done.stdout)
        self.results.append({"options": options, **result})
        return result

    def raw(self, *options):
        core = ("--server-cpu", "0") if self.pinned else ()
        return self.run("raw", *options, *core)

    def fanout(self, *options, settings=()):
        with self.hub(*settings) as hub:
            return self.run("fanout", *options, *hub["socket"], *hub["url"])

    def compare(self, *options, raw_options=()):
        """(hub, raw): the medians of several runs of each, taken in turn."""
        raw, hub = [], []
        for _ in range(ROUNDS):
            raw.append(self.raw(*raw_options, *options))
            hub.append(self.fanout(*options))
        return medians(hub), medians(raw)

    def publish(self, *options, settings=()):
        with self.hub(*settings) as hub:
            return self.run("publish", *options, *hub["socket"])

    def fill(self, folder, *options):
        """Makes a log in FOLDER, which is to be there."""
        return self.run("fill", "--dir", os.path.join(folder, "data"), *options)

    def redis(self, hub, connections, count, *command):
        """COUNT times COMMAND by redis-benchmark, with the hub's CPU time for each."""
        words = ["redis-benchmark", "-s", hub["socket"][1], "--csv", "-P", "64"]
        words += ["-c", str(connections), "-n", str(count), *command]
        print(" ".join(words[:10]), command[0], file=sys.stderr)
        before = process_cpu(hub["pid"])
        done = subprocess.run(self.on_core(1, words), capture_output=True, text=True, check=True)
        used = process_cpu(hub["pid"]) - before
        row = list(csv.reader(done.stdout.splitlines()))[-1]
        result = {
            "mode": "redis-benchmark",
            "command": command[0],
            "connections": connections,
            "acknowledged_per_s": float(row[1]),
            "cpu_per_message_us": used * 1e6 / count,
            "ack_p50_ms": float(row[4]),
            "ack_p99_ms": float(row[6]),
        }
        self.results.append(result)
        return result


def process_cpu(pid):
    """Seconds of CPU time that all threads of a process have used (Linux's clock of a process)."""
    return time.clock_gettime(~pid << 3 | 2)


WRONG = (
    ("missing", "missing"),
    ("repeated", "repeated"),
    ("foreign", "of other topics"),
    ("lost", "subscribers lost"),
    ("refused", "refused"),
)


def medians(results):
    """One result out of several: the median of each figure, the sum of what should not be."""
    wrong = [key for key, _ in WRONG]
    merged = {}
    for key, first in results[0].items():
        values = [result[key] for result in results if result[key] is not None]
        if not values or isinstance(first, str):
            merged[key] = first
        else:
            merged[key] = sum(values) if key in wrong else statistics.median(values)
    return merged


def count(n):
    return "–" if n is None else f"{n:,.0f}"


def fine(n, digits=2):
    return "–" if n is None else f"{n:,.{digits}f}"


def ratio(a, b):
    return "–" if not a or not b else f"{a / b:.2f}"


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows]) + "\n"


def checked(result):
    """A word on what should not have happened."""
    wrong = [f"{result[key]:,} {word}" for key, word in WRONG if result.get(key)]
    return ", ".join(wrong) or "all arrived"


# --- the sections of the report ---


def the_log(bench):
    batched = bench.run("log", "--dir", bench.folder, "--seconds", "3")
    single = bench.run(
        "log", "--dir", bench.folder, "--seconds", "1", "--batch", "1", "--count", "100000"
    )
    bench.commit_ms = single["store_sync_1_p50_ms"]
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        filled = bench.fill(folder, "--topics", "1000")
    rows = []
    for sync, said in (("sync", "yes"), ("nosync", "no")):
        for result in (batched, single):
            rows.append(
                (
                    count(result["batch"]),
                    said,
                    count(result[f"lmdb_{sync}_per_s"]),
                    count(result[f"store_{sync}_1_per_s"]),
                    ratio(result[f"store_{sync}_1_per_s"], result[f"lmdb_{sync}_per_s"]),
                    count(result[f"store_{sync}_per_s"]),
                    ratio(result[f"store_{sync}_per_s"], result[f"lmdb_{sync}_per_s"]),
                    f"{fine(result[f'store_{sync}_cpu_us'], 3)} "
                    f"({fine(result[f'lmdb_{sync}_cpu_us'], 3)})",
                )
            )
    head = (
        "messages of a commit",
        "synced",
        "bare LMDB /s",
        "log, 1 topic /s",
        "of bare",
        f"log, {count(batched['topics'])} topics /s",
        "of bare (target 0.70)",
        "CPU for each, µs (bare)",
    )
    return (
        "## The log\n\n"
        + table(head, rows)
        + f"\nOne page and `fdatasync`: {fine(batched['fdatasync_p50_ms'], 3)} ms (p50), "
        f"{fine(batched['fdatasync_p99_ms'], 3)} ms (p99). "
        f"Reading all of 1,000 topics: {count(filled['read_all_per_s'])} messages/s; one that has a "
        f"fifth of them: {count(filled['read_one_per_s'])}/s; the last 10 of one: "
        f"{fine(filled['resume_any_us'], 1)} µs (by CPU time).\n"
    )


def publishing(bench):
    runs = (
        ("pipelined, 1 connection", "300,000", ("--pipeline", "1000"), ()),
        ("pipelined, 8 connections", "", ("--connections", "8"), ()),
        ("one outstanding", "3,000", ("--pipeline", "1"), ()),
        (
            "pipelined, `durability = memory`",
            "1,000,000",
            ("--pipeline", "1000"),
            ("log.durability=memory",),
        ),
    )
    rows = []
    for name, target, options, settings in runs:
        result = bench.publish(*options, *MEASURED, settings=settings)
        rows.append(
            (
                name,
                count(result["acknowledged_per_s"]),
                target,
                fine(result["cpu_per_message_us"]),
                fine(result["ack_p50_ms"], 3),
                fine(result["ack_p99_ms"], 3),
                fine(result["load_cpu_percent"], 0),
            )
        )
    head = (
        "publishing",
        "acknowledged/s",
        "target",
        "hub CPU for each, µs",
        "p50, ms",
        "p99, ms",
        "load's CPU, %",
    )
    return "## Publishing\n\n" + table(head, rows)


def steady(bench):
    rows = []
    common = ("--subscribers", str(SUBSCRIBERS), *MEASURED, *STEADY, *AWAKE)
    for options, name in (*FORMATS, (("--transport", "poll"), "long-poll")):
        if "poll" in options:
            hub, raw = bench.fanout(*options, *common), {}
        else:
            hub, raw = bench.compare(*options, *common)
        rows.append(
            (
                name,
                fine(hub["cpu_per_delivery_us"]),
                fine(raw.get("cpu_per_delivery_us")),
                ratio(hub["cpu_per_delivery_us"], raw.get("cpu_per_delivery_us")),
                fine(hub["latency_p50_ms"]),
                fine(raw.get("latency_p50_ms")),
                fine(hub["connect_cpu_us"], 1),
                fine(raw.get("connect_cpu_us"), 1),
                count(hub["memory_per_connection"]),
                checked(hub),
            )
        )
    head = (
        f"{count(SUBSCRIBERS)} subscribers, 50 messages/s",
        "hub CPU for each delivery, µs",
        "raw",
        "ratio (target 1.05)",
        "p50, ms",
        "raw",
        "hub CPU for a connect, µs",
        "raw",
        "memory for each, bytes",
        "",
    )
    return "## Few messages\n\n" + table(head, rows)


def idle(bench):
    """Connections that wait, to hubs of their own: what a former one gave back would not count."""
    rows = []
    quiet = "--rate 1 --seconds 1 --warmup 200".split()
    for options, name, target in IDLE:
        hub = bench.fanout(*options, "--subscribers", str(IDLE_CONNECTIONS), *quiet)
        rows.append((name, count(hub["memory_per_connection"]), target, checked(hub)))
    head = (
        f"{count(IDLE_CONNECTIONS)} connections that wait",
        "memory of the hub for each, bytes (Pss)",
        "target",
        "",
    )
    return "## Idle connections\n\n" + table(head, rows)


def saturation(bench):
    rows = []
    for subscribers, (options, name) in itertools.product(CROWDS, FORMATS):
        common = ("--subscribers", str(subscribers), *MEASURED, *AHEAD, *AWAKE)
        hub, raw = bench.compare(*options, *common, raw_options=("--batch",))
        rows.append(
            (
                f"{name}, {count(subscribers)}",
                count(hub["deliveries_per_s"]),
                count(raw["deliveries_per_s"]),
                ratio(hub["deliveries_per_s"], raw["deliveries_per_s"]),
                fine(hub["cpu_per_delivery_us"], 3),
                fine(raw["cpu_per_delivery_us"], 3),
                ratio(raw["cpu_per_delivery_us"], hub["cpu_per_delivery_us"]),
                fine(hub["latency_p99_ms"], 0),
                f"{fine(hub['server_cpu_percent'], 0)} / {fine(hub['load_cpu_percent'], 0)}",
                checked(hub),
            )
        )
    head = (
        "subscribers of one topic, as fast as possible",
        "deliveries/s",
        "raw --batch",
        "ratio (target 0.60)",
        "hub CPU for each, µs",
        "raw --batch",
        "ratio",
        "p99, ms",
        "CPU of hub / load, %",
        "",
    )
    return "## Saturation\n\n" + table(head, rows)


def many_topics(bench):
    options = "--transport ws --raw --subscribers 10000 --topics 1000 --rate 2000".split()
    options += (*MEASURED, "--pipeline", "1000", *AWAKE)
    durable, raw = bench.compare(*options)
    in_memory = medians(
        [bench.fanout(*options, settings=("log.durability=memory",)) for _ in range(ROUNDS)]
    )
    rows = [
        (
            name,
            fine(hub["cpu_per_delivery_us"]),
            fine(raw["cpu_per_delivery_us"]),
            ratio(hub["cpu_per_delivery_us"], raw["cpu_per_delivery_us"]),
            fine(hub["latency_p99_ms"], 1),
            checked(hub),
        )
        for name, hub in (("each commit synced", durable), ("`durability = memory`", in_memory))
    ]
    head = (
        "10 subscribers a topic",
        "hub CPU for each delivery, µs",
        "raw",
        "ratio (target 1.10)",
        "p99, ms",
        "",
    )
    return "## 10,000 subscribers of 1,000 topics, 2,000 messages/s\n\n" + table(head, rows)


def latency(bench):
    common = (*"--transport ws --raw --subscribers 10 --rate 100".split(), *MEASURED)
    raw, memory, durable = [], [], []
    for _ in range(ROUNDS):
        raw.append(bench.raw(*common))
        memory.append(bench.fanout(*common, settings=("log.durability=memory",)))
        durable.append(bench.fanout(*common))
    runs = (
        ("raw", medians(raw)),
        ("hub, `durability = memory`", medians(memory)),
        ("hub", medians(durable)),
    )
    rows = [
        (
            name,
            fine(result["latency_p50_ms"], 3),
            fine(result["latency_p50_ms"] - runs[0][1]["latency_p50_ms"], 3),
            fine(result["latency_p99_ms"], 3),
            fine(result["ack_p50_ms"], 3),
        )
        for name, result in runs
    ]
    head = ("10 subscribers, 100 messages/s", "p50, ms", "above raw", "p99, ms", "answer p50, ms")
    return (
        "## Latency\n\n"
        + table(head, rows)
        + "\nTargets for p50: with `durability = memory` 0.060 ms above raw; otherwise 0.120 ms above"
        f" raw and a commit, which took {fine(bench.commit_ms, 3)} ms above.\n"
    )


# --- the log through the whole hub: sections of its own report ---

PAYLOAD = "a" * 128
LIVE_IN_MEMORY = '[topic "bench/00000001"]\ndurability = memory\n'
# The mode fill's options for each log, and how many messages its topic 0 has.
LOGS = {
    "alone": (("--count", "1000000"), 1000000),
    "among": (("--count", "5000000", "--topics", "10000", "--share", "5"), 1000000),
    "few alone": (("--count", "100000"), 100000),
    "few among": (("--count", "500000", "--topics", "10000", "--share", "5"), 100000),
}


class Logs:
    """The logs to be read, made once, and a hub on each."""

    def __init__(self, bench, stack):
        self.bench = bench
        self.hubs, self.filled = {}, {}
        for name, (options, _) in LOGS.items():
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=bench.folder))
            self.filled[name] = bench.fill(folder, *options)
            hub = bench.hub(data=os.path.join(folder, "data"), config=LIVE_IN_MEMORY)
            self.hubs[name] = stack.enter_context(hub)

    def run(self, name, mode, *options):
        hub = self.hubs[name]
        return self.bench.run(mode, *options, *hub["socket"], *hub["url"])

    def replay(self, name, *options):
        return self.run(name, "replay", "--count", str(LOGS[name][1]), *options)


def appending(bench):
    """The storage interface beside bare LMDB, and what a commit of one message takes."""
    sizes = {"1000": [], "64": [], "1": []}
    idle = []
    for _ in range(ROUNDS):
        for size, results in sizes.items():
            results.append(
                bench.run("log", "--dir", bench.folder, "--synced", "--seconds", "1", "--batch", size)
            )
        idle.append(bench.publish("--pipeline", "1", "--seconds", "1", "--warmup", "200"))
    bench.appended = {size: medians(results) for size, results in sizes.items()}
    bench.idle = medians(idle)
    rows = []
    for size, result in bench.appended.items():
        for key, topics in (("store_sync_1", 1), ("store_sync", result["topics"])):
            rows.append(
                (
                    count(int(size)),
                    count(topics),
                    count(result[f"{key}_per_s"]),
                    count(result["lmdb_sync_per_s"]),
                    fine(result[f"{key}_ratio"]),
                    fine(result[f"{key}_cpu_us"], 3),
                    fine(result["lmdb_sync_cpu_us"], 3),
                    fine(result[f"{key}_cpu_ratio"]),
                )
            )
    head = (
        "messages of a commit",
        "topics",
        "log /s",
        "bare LMDB /s",
        "ratio (target 0.70 for 1,000)",
        "CPU for each, µs",
        "bare LMDB",
        "ratio",
    )
    return "## Appending, by the storage interface\n\n" + table(head, rows)


def acknowledging(bench):
    """A publish on an idle hub. Measured in turn with appending()."""
    bare, idle = bench.appended["1"], bench.idle
    row = (
        fine(idle["ack_p50_ms"], 3),
        fine(bare["lmdb_sync_p50_ms"], 3),
        fine(bare["fdatasync_p50_ms"], 3),
        ratio(idle["ack_p50_ms"], bare["lmdb_sync_p50_ms"]),
        count(idle["acknowledged_per_s"]),
        count(bare["lmdb_sync_per_s"]),
    )
    head = (
        "publish to acknowledgement, p50, ms",
        "bare LMDB commit",
        "fdatasync alone",
        "of bare LMDB (target 1.50)",
        "one outstanding /s (target 3,000)",
        "bare LMDB /s",
    )
    return "## One publish on an idle hub\n\n" + table(head, [row])


def publish_rows(bench, hub, durable):
    """(name, result) of each way to publish to HUB."""
    few = 50000 if durable else 200000
    xadd = ("XADD", "bench/00000000", "*", "data", PAYLOAD)
    publish = ("PUBLISH", "bench/00000000", PAYLOAD)
    own = ("--seconds", "1", "--warmup", "200", *hub["socket"])
    if shutil.which("redis-benchmark"):
        yield "redis-benchmark -P 64, PUBLISH", bench.redis(hub, 1, few, *publish)
        yield "redis-benchmark -P 64, XADD", bench.redis(hub, 1, few, *xadd)
        yield "redis-benchmark -P 64 -c 50, PUBLISH", bench.redis(hub, 50, 300000, *publish)
        yield "redis-benchmark -P 64 -c 50, XADD", bench.redis(hub, 50, 300000, *xadd)
    yield "longwire-bench --pipeline 1000", bench.run("publish", "--pipeline", "1000", *own)
    yield (
        "longwire-bench --connections 50 --pipeline 64",
        bench.run("publish", "--connections", "50", "--pipeline", "64", *own),
    )


def publishing_pipelined(bench):
    kinds = (
        ("", (), 300000, bench.appended),
        (", `durability = memory`", ("log.durability=memory",), 1000000, None),
    )
    rows = []
    for said, settings, target, bare in kinds:
        results = {}
        with bench.hub(*settings) as hub:
            # Until the tail is full, its memory is new.
            bench.run("publish", "--count", "300000", "--pipeline", "1000", *hub["socket"])
            for _ in range(ROUNDS):
                for name, result in publish_rows(bench, hub, bare is not None):
                    results.setdefault(name, []).append(result)
        for name, several in results.items():
            result = medians(several)
            alone = "-c 50" not in name and name.startswith("redis")
            limit = bare and bare["64" if alone else "1000"]["lmdb_sync_per_s"]
            rows.append(
                (
                    name + said,
                    count(result["acknowledged_per_s"]),
                    count(limit),
                    fine(result["cpu_per_message_us"], 3),
                    count(1e6 / result["cpu_per_message_us"]),
                    count(target),
                    fine(result["ack_p50_ms"], 3),
                )
            )
    head = (
        "publishing",
        "acknowledged/s",
        "bare LMDB /s, commits of 64 or 1,000",
        "hub CPU for each, µs",
        "a second of hub CPU",
        "target",
        "p50, ms",
    )
    return "## Publishing through the hub\n\n" + table(head, rows)


def resuming(bench, logs):
    topics = (
        ("hot: every fifth message", "hot", "bench/00000000"),
        ("any topic: one message in 12,500", "any", "bench/00000123"),
        ("rare: 12 messages in all", "rare", "bench/0000270f"),
        ("a pattern: all 10,000 topics", "set", "bench/+"),
    )
    filled = logs.filled["among"]
    nothing = logs.run("among", "resume", "--last", "0")
    rows = []
    for name, key, topic in topics:
        result = logs.run("among", "resume", "--filter", topic)
        rows.append(
            (
                name,
                fine(filled[f"resume_{key}_us"], 1),
                fine(filled[f"resume_{key}_first_us"], 1),
                fine(result["cpu_per_request_us"], 1),
                fine(nothing["cpu_per_request_us"], 1),
                fine(result["request_p50_ms"], 3),
            )
        )
    head = (
        "the last 10 messages of 5,000,000",
        "storage interface, CPU, µs",
        "the first time",
        "long-poll, hub CPU, µs (target 1,000)",
        "long-poll that finds nothing",
        "p50, ms",
    )
    return "## Resuming\n\n" + table(head, rows)


REPLAYS = (
    (("--transport", "ws"), "WebSocket envelopes"),
    (("--transport", "sse", "--raw"), "SSE raw"),
)


def replay_row(name, target, alone, among, raw):
    return (
        name,
        count(alone["deliveries_per_s"]),
        count(among["deliveries_per_s"]),
        count(raw.get("deliveries_per_s")),
        target,
        fine(alone["cpu_per_delivery_us"], 3),
        fine(among["cpu_per_delivery_us"], 3),
        fine(raw.get("cpu_per_delivery_us"), 3),
        " / ".join(fine(alone[f"{who}_cpu_percent"], 0) for who in ("server", "load")),
        checked(medians([alone, among])),
    )


def replaying(bench, logs):
    """All of a topic to one client, and to a hundred."""
    rows = []
    core = ("--server-cpu", "0") if bench.pinned else ()
    cases = (
        ("", "alone", "among", ("--subscribers", "1"), "600,000"),
        (", 100 clients", "few alone", "few among", ("--subscribers", "100"), "2,000,000"),
    )
    for said, alone, among, subscribers, target in cases:
        for options, name in REPLAYS:
            results = [], [], []
            for _ in range(ROUNDS):
                size = ("--count", str(LOGS[alone][1]))
                bare = bench.run("replay", "--bare", *size, *options, *subscribers, *core)
                results[0].append(logs.replay(alone, *options, *subscribers))
                results[1].append(logs.replay(among, *options, *subscribers))
                results[2].append(bare)
            rows.append(replay_row(name + said, target, *map(medians, results)))
    poll = [logs.replay(log, "--transport", "poll") for log in ("alone", "among")]
    rows.append(replay_row("long-poll", "", *poll, {}))
    head = (
        "replay from the beginning",
        "messages/s, alone in the log",
        "one message in five",
        "raw server",
        "target",
        "hub CPU for each, µs, alone",
        "one in five",
        "raw server",
        "CPU of hub / load, %, alone",
        "",
    )
    return "## Replay\n\n" + table(head, rows)


def replaying_beside(_bench, logs):
    """What a replay does to a live subscriber of the same worker."""
    rows = []
    cases = (
        ("one client, alone in the log", "alone", ("--rounds", "6")),
        ("one client, one message in five", "among", ("--rounds", "3")),
        ("100 clients", "few alone", ("--subscribers", "100", "--rounds", "2")),
    )
    for name, log, options in cases:
        several = []
        for _ in range(ROUNDS):
            several.append(
                logs.replay(log, "--transport", "sse", "--raw", "--live", "500", *options)
            )
        result = medians(several)
        rows.append(
            (
                name,
                fine(result["live_alone_p50_ms"], 2),
                fine(result["live_beside_p50_ms"], 2),
                fine(result["live_alone_p99_ms"], 2),
                fine(result["live_beside_p99_ms"], 2),
                checked(result),
            )
        )
    head = (
        "replay beside a live subscriber",
        "its p50 without, ms",
        "meanwhile",
        "its p99 without, ms",
        "meanwhile (target: 5 more)",
        "",
    )
    return "## A live subscriber beside a replay\n\n" + table(head, rows)


# --- around them ---


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def commit():
    words = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def setting(bench, title, again, results):
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    where = "hub on core 0, load on core 1" if bench.pinned else "nothing pinned"
    return (
        f"# {title}\n\n"
        f"{now}, commit {commit()}. {os.cpu_count()} cores ({processor()}), "
        f"Linux {platform.release()}; {where}. One worker, `log.sync = always`, payloads of 128 "
        f"bytes. Load average at the start: {os.getloadavg()[0]:.1f}.\n\n"
        f"Repeat with `{again}`; every figure is in {results}.\n"
    )


def allow_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def standard_sections(bench):
    for section in (the_log, publishing, idle, steady, saturation, many_topics, latency):
        yield section(bench)


def log_sections(bench):
    yield appending(bench)
    yield acknowledging(bench)
    yield publishing_pipelined(bench)
    with contextlib.ExitStack() as stack:
        logs = Logs(bench, stack)
        for section in (resuming, replaying, replaying_beside):
            yield section(bench, logs)


# Of the command line: title, file for the report, for the figures, and what is measured.
SETS = {
    (): ("longwire-bench", "report.md", "results.json", standard_sections),
    ("log",): ("The log", "log.md", "log.json", log_sections),
}


def main():
    which = tuple(sys.argv[2:])
    if len(sys.argv) < 2 or which not in SETS:
        sys.exit(__doc__)
    title, report, results, sections = SETS[which]
    allow_files()
    bench = Bench(os.path.abspath(sys.argv[1]))
    parts = [setting(bench, title, " ".join(("./dev", "bench", *which)), results)]
    print(parts[0])
    for part in sections(bench):
        parts.append(part)
        print(part, flush=True)
    with open(os.path.join(bench.folder, report), "w", encoding="utf-8") as f:
        f.write("\n".join(parts))
    with open(os.path.join(bench.folder, results), "w", encoding="utf-8") as f:
        json.dump(bench.results, f, indent=1)
    print(f"written to {os.path.join(bench.folder, report)}")


if __name__ == "__main__":
    main()
