#!/usr/bin/env python3
"""Sets of measurements: `./dev bench` runs the standard one, `./dev bench log` that of the log, `./dev
bench tls` and `./dev bench h2` those of TLS and HTTP/2 (bench_tls.py), `./dev bench access` what tokens
cost (bench_access.py), and `./dev floods` what floods do to others (bench_floods.py).

usage: bench-suite.py BUILD [log | tls | h2 | access | quick | tls quick | h2 quick | access quick |
                             floods [SECONDS]]

Starts hubs out of the folder BUILD, measures them with longwire-bench beside their raw limits, and
prints what came out. Of the standard set, BUILD/bench/ gets report.md, its plots, the medians that
both are made of (figures.json; bench_report.py makes the rest of them anew), and every single
figure (results.json); of the log, log.md and log.json. Hub and raw server run on core 0, the load on
core 1. What is compared is measured in turn, several times, and the medians are told.

With quick, everything is small and short and goes to BUILD/bench/quick/: it shows that the set runs,
and its figures mean nothing.
"""

import contextlib
import csv
import datetime
import itertools
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing

import bench_access
import bench_floods
import bench_tls
from bench_report import WRONG, about_text, checked, count, fine, ratio, table, write, write_report


class Scale(typing.NamedTuple):
    """How large the standard set is, and how long it takes."""

    rounds: int
    poll_rounds: int  # of long-polls, whose ratio to raw is near 1
    seconds: int
    subscribers: int
    crowds: tuple  # (subscribers, messages that the publisher may be ahead of them, rounds)
    idle: int  # connections
    topics: int  # ten subscribers each
    latency_seconds: int
    slow_seconds: int
    beating: int  # streams that were opened at once
    beating_seconds: int
    log_seconds: int
    tls_idle: int  # connections that wait, 40 KB each of the load's memory
    handshakes: int
    silent: int  # connections that say nothing, or come back at once
    storm_seconds: int
    flood_seconds: int  # of each, and as long without it

    def measured(self, seconds=None):
        return ("--seconds", str(seconds or self.seconds), "--warmup", "500")


# The larger crowd gets fewer messages ahead: they take ten times as long to be delivered, and
# latency is to stay below 250 ms.
STANDARD = Scale(3, 8, 2, 1000, ((1000, 1000, 3), (10000, 80, 2)), 15000, 1000, 3, 6, 10000, 10, 1, 5000, 1000, 10000, 15, 10)
QUICK = Scale(1, 1, 1, 50, ((50, 1000, 1), (200, 1000, 1)), 500, 20, 1, 2, 100, 2, 1, 200, 50, 300, 4, 1)
ROUNDS = STANDARD.rounds

# At saturation: far enough ahead that the hub never waits for the publisher.
AHEAD = ("--rate", "0", "--pipeline", "1000")
STEADY = ("--rate", "50")
# Whom the hub has to wake is the load's affair.
AWAKE = ("--spin",)

# Options of longwire-bench, and what the report calls them.
FORMATS = (
    (("--transport", "ws", "--raw"), "WebSocket raw"),
    (("--transport", "ws"), "WebSocket envelopes"),
    (("--transport", "sse", "--raw"), "SSE raw"),
)

# The same for connections that wait, and the memory that each may take.
IDLE = (
    (("--transport", "sse"), "SSE", 400),
    (("--transport", "ws"), "WebSocket", 400),
    (("--transport", "poll"), "long-poll", 600),
)
FURTHER_TOPICS = 20


class Bench:
    """Runs longwire-bench and keeps what it reports."""

    def __init__(self, build, folder, scale):
        self.build = build
        self.folder = folder
        self.scale = scale
        self.results = []
        self.appended = self.idle = None
        self.pinned = (os.cpu_count() or 1) > 1 and shutil.which("taskset")
        os.makedirs(self.folder, exist_ok=True)

    def on_cores(self, cores, words):
        return ["taskset", "-c", str(cores), *words] if self.pinned else list(words)

    @contextlib.contextmanager
    def hub(self, *settings, data=None, config="", cores="0"):
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
                self.on_cores(cores, words), stdout=subprocess.PIPE, text=True
            ) as process:
                try:
                    ready = process.stdout.readline().split()
                    if not ready:
                        sys.exit("the hub did not start; it says why above")
                    at = dict(word.split("=", 1) for word in ready[1:])
                    yield {
                        "socket": ("--socket", socket),
                        "url": ("--url", at["http"]),
                        "tls": ("--url", f"https://{at.get('https')}"),
                        "pid": process.pid,
                    }
                finally:
                    process.terminate()

    @contextlib.contextmanager
    def quiet_streams(self, hub, count):
        """COUNT event streams to HUB, of a process of their own, opened at once."""
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench_quiet.py")
        words = self.on_cores(1, [sys.executable, program, hub["url"][1], str(count)])
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            try:
                if process.stdout.readline() != "open\n":
                    sys.exit("the streams that are to be quiet could not be opened")
                yield
            finally:
                process.terminate()

    def run(self, mode, *options):
        words = [os.path.join(self.build, "longwire-bench"), mode, *options, "--json"]
        core = 0 if mode in ("log", "seal") else 1  # they stand for the hub
        print(f"longwire-bench {mode} {' '.join(options)}", file=sys.stderr)
        done = subprocess.run(
            self.on_cores(core, words), stdout=subprocess.PIPE, text=True, check=False
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

    def fanout(self, *options, settings=(), cores="0"):
        with self.hub(*settings, cores=cores) as hub:
            return self.run("fanout", *options, *hub["socket"], *hub["url"])

    def compare(self, *options, raw_options=(), rounds=None):
        """(hub, raw): the medians of several runs of each, taken in turn."""
        raw, hub = [], []
        for _ in range(rounds or self.scale.rounds):
            raw.append(self.raw(*raw_options, *options))
            hub.append(self.fanout(*options))
        return medians(hub), medians(raw)

    def publish(self, *options, settings=()):
        with self.hub(*settings) as hub:
            return self.run("publish", *options, *hub["socket"], *hub["url"])

    def fill(self, folder, *options):
        """Makes a log in FOLDER, which is to be there."""
        return self.run("fill", "--dir", os.path.join(folder, "data"), *options)

    def redis(self, hub, connections, count, *command):
        """COUNT times COMMAND by redis-benchmark, with the hub's CPU time for each."""
        words = ["redis-benchmark", "-s", hub["socket"][1], "--csv", "-P", "64"]
        words += ["-c", str(connections), "-n", str(count), *command]
        print(" ".join(words[:10]), command[0], file=sys.stderr)
        before = process_cpu(hub["pid"])
        done = subprocess.run(self.on_cores(1, words), capture_output=True, text=True, check=True)
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


# What is kept of a result for the report; and all of the log's.
KEPT = re.compile(
    r"(deliveries|connects|acknowledged)_per_s$|cpu_per_(delivery|message)_us$|connect_cpu_us$|"
    r"(latency|ack)_\w+_ms$|memory_\w+$|(server|load)_cpu_percent$|"
    r"(lmdb|store|fdatasync|resume_any|read)_\w+$|batch$|topics$"
)


def kept(figures):
    """The same with less in it."""
    if isinstance(figures, list):
        return [kept(one) for one in figures]
    if not isinstance(figures, dict):
        return figures
    if "mode" not in figures:
        return {key: kept(value) for key, value in figures.items()}
    wrong = [key for key, _ in WRONG if figures.get(key)]
    return {key: n for key, n in figures.items() if KEPT.search(key) or key in wrong}


# --- the standard set: each returns the figures of one section of the report ---


def the_log(bench):
    seconds = bench.scale.log_seconds
    batched = bench.run("log", "--dir", bench.folder, "--seconds", str(seconds))
    single = bench.run(
        "log", "--dir", bench.folder, "--seconds", "1", "--batch", "1", "--count", "100000"
    )
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        filled = bench.fill(folder, "--topics", "1000")
    return {"batched": batched, "single": single, "filled": filled}


BY_HTTP = ("--publish-by", "http")
HTTP_1 = (*BY_HTTP, "--pipeline", "1")
HTTP_256 = (*BY_HTTP, "--pipeline", "256")
HTTP_16 = (*BY_HTTP, "--connections", "16", "--pipeline", "16")
MEMORY = ("log.durability=memory",)


# Names, targets, options and settings.
PUBLISHERS = (
    ("pipelined, 1 connection", "300,000", ("--pipeline", "1000"), ()),
    ("pipelined, 8 connections", "", ("--connections", "8"), ()),
    ("one outstanding", "3,000", ("--pipeline", "1"), ()),
    ("pipelined, `durability = memory`", "1,000,000", ("--pipeline", "1000"), MEMORY),
    ("WebSocket, pipelined, 1 connection", "", "--publish-by ws --pipeline 1000".split(), ()),
    (
        "HTTP, 500 connections with one outstanding each",
        "",
        (*BY_HTTP, "--connections", "500", "--pipeline", "1"),
        (),
    ),
    ("HTTP, 1 with 1", "", HTTP_1, ()),
    ("HTTP, 1 with 256", "250,000", HTTP_256, ()),
    ("HTTP, 16 with 16", "250,000", HTTP_16, ()),
    ("HTTP, 1 with 1, `durability = memory`", "", HTTP_1, MEMORY),
    ("HTTP, 1 with 256, `durability = memory`", "700,000", HTTP_256, MEMORY),
    ("HTTP, 16 with 16, `durability = memory`", "1,000,000", HTTP_16, MEMORY),
)


def publishing(bench):
    """In turn: what other machines on this one do meanwhile is not one row's."""
    several = [[] for _ in PUBLISHERS]
    for _ in range(bench.scale.rounds):
        for results, (_, _, options, settings) in zip(several, PUBLISHERS):
            results.append(bench.publish(*options, *bench.scale.measured(), settings=settings))
    return [
        {"name": name, "target": target, "result": medians(results)}
        for results, (name, target, _, _) in zip(several, PUBLISHERS)
    ]


def published_by(bench):
    """The same fan-out from a publisher on the local socket and from one who publishes by HTTP."""
    subscribers, window, _ = bench.scale.crowds[0]
    options, name = FORMATS[0]
    common = ("--subscribers", str(subscribers), "--window", str(window), *AHEAD, *AWAKE)
    common += (*options, *bench.scale.measured())
    local, http = [], []
    for _ in range(bench.scale.rounds):
        local.append(bench.fanout(*common))
        http.append(bench.fanout(*common, *BY_HTTP))
    return [{"name": name, "local": medians(local), "http": medians(http)}]


def with_and_without_io_uring(bench, name, *options):
    """Beside the same raw runs, all in turn."""
    raw, hub, plain = [], [], []
    for _ in range(bench.scale.rounds):
        raw.append(bench.raw(*options))
        hub.append(bench.fanout(*options))
        plain.append(bench.fanout(*options, settings=("hub.io_uring=no",)))
    raw = medians(raw)
    return [
        {"name": name, "hub": medians(hub), "raw": raw, "limit": 0.9},
        {"name": f"{name}, `hub.io_uring = no`", "hub": medians(plain), "raw": raw, "limit": 1.05},
    ]


def steady(bench):
    rows = []
    common = ("--subscribers", str(bench.scale.subscribers), *STEADY, *AWAKE)
    common += bench.scale.measured()
    for options, name in FORMATS:
        rows += with_and_without_io_uring(bench, name, *options, *common)
    name = f"{FORMATS[0][1]}, `durability = memory`"
    bare = bench.fanout(*FORMATS[0][0], *common, settings=("log.durability=memory",))
    rows.insert(1, {"name": name, "hub": bare, "raw": rows[0]["raw"], "aside": True})
    common += ("--transport", "poll")
    for options, name in (((), "long-poll"), (("--browser",), "long-poll, a browser's head")):
        hub, raw = bench.compare(*options, *common, rounds=bench.scale.poll_rounds)
        rows.append({"name": name, "hub": hub, "raw": raw, "poll": True})
    return rows


def idle_options(bench):
    quiet = "--rate 2 --seconds 1 --warmup 0".split()
    return ("--subscribers", str(bench.scale.idle), *quiet, *AWAKE)


def idle(bench):
    """Connections that wait, to hubs of their own: what a former one gave back would not count."""
    rows = []
    for options, name, limit in IDLE:
        if "poll" in options:
            hub, raw = bench.fanout(*options, *idle_options(bench)), {}
        else:
            hub, raw = bench.compare(*options, *idle_options(bench))
        rows.append({"name": name, "limit": limit, "hub": hub, "raw": raw})
    return rows


def further(bench, idle_rows):
    rows = []
    also = ("--further-topics", str(FURTHER_TOPICS))
    for (options, name, _), row in zip(IDLE[:2], idle_rows):
        more = bench.fanout(*options, *also, *idle_options(bench))
        rows.append({"name": name, "topics": FURTHER_TOPICS, "hub": row["hub"], "more": more})
    return rows


def saturation(bench):
    """The raw server that writes each frame by itself is slower by so much that once is enough."""
    rows = []
    for crowd, (options, name) in itertools.product(bench.scale.crowds, FORMATS):
        subscribers, window, rounds = crowd
        common = ("--subscribers", str(subscribers), "--window", str(window), *AHEAD, *AWAKE)
        common += (*options, *bench.scale.measured())
        hub, batched = bench.compare(*common, raw_options=("--batch",), rounds=rounds)
        row = {"name": name, "subscribers": subscribers, "raw_format": "--raw" in options}
        rows.append({**row, "hub": hub, "batched": batched, "raw": bench.raw(*common)})
    return rows


def many_topics(bench):
    topics = bench.scale.topics
    options = f"--transport ws --raw --subscribers {topics * 10} --topics {topics} --rate 2000".split()
    options += (*bench.scale.measured(), "--pipeline", "1000", *AWAKE)
    durable, raw = bench.compare(*options)
    memory = bench.fanout(*options, settings=("log.durability=memory",))
    return [
        {"name": "each commit synced", "hub": durable, "raw": raw},
        {"name": "`durability = memory`", "hub": memory, "raw": raw},
    ]


def latency(bench):
    common = "--transport ws --raw --subscribers 10 --rate 100".split()
    common += bench.scale.measured(bench.scale.latency_seconds)
    alone = ("--synced", "--batch", "1", "--rate", "100", "--seconds", "2")
    commit_alone, raw, memory, durable = [], [], [], []
    for _ in range(bench.scale.rounds):
        commit_alone.append(bench.run("log", "--dir", bench.folder, *alone))
        raw.append(bench.raw(*common))
        memory.append(bench.fanout(*common, settings=("log.durability=memory",)))
        durable.append(bench.fanout(*common))
    rows = [
        {"name": "raw", "result": medians(raw)},
        {"name": "hub, `durability = memory`", "result": medians(memory)},
        {"name": "hub", "result": medians(durable)},
    ]
    return {"rows": rows, "commit_ms": medians(commit_alone)["store_sync_1_p50_ms"]}


def workers(bench):
    """The second worker has the load's core, so that both run at the same time."""
    subscribers, window, _ = bench.scale.crowds[0]
    options, name = FORMATS[0]
    common = ("--subscribers", str(subscribers), "--window", str(window), *AHEAD)
    common += (*options, *bench.scale.measured())
    one, two = [], []
    for _ in range(bench.scale.rounds):
        one.append(bench.fanout(*common))
        two.append(bench.fanout(*common, settings=("hub.workers=2",), cores="0,1"))
    return [{"name": name, "one": medians(one), "two": medians(two)}]


def beating(bench):
    """Others beside many streams that were opened at once and get nothing but heartbeats: two of each
    in the time that is measured."""
    seconds, rows = bench.scale.beating_seconds, {"without": [], "beside": []}
    settings = (f"http.heartbeat={seconds // 2}s",)
    common = ("--transport", "ws", "--raw", "--subscribers", "10", "--rate", "100", *AWAKE)
    common += bench.scale.measured(seconds)
    for _ in range(bench.scale.rounds):
        for name, streams in (("without", 0), ("beside", bench.scale.beating)):
            with bench.hub(*settings) as hub, bench.quiet_streams(hub, streams):
                rows[name].append(bench.run("fanout", *common, *hub["socket"], *hub["url"]))
    return {"streams": bench.scale.beating, **{name: medians(row) for name, row in rows.items()}}


def slow(bench):
    """The same readers with and without others that are stuck."""
    all_of_them = bench.scale.subscribers
    stuck = all_of_them // 10
    common = "--transport sse --size 8192 --rate 30".split()
    common += bench.scale.measured(bench.scale.slow_seconds)
    without, among = [], []
    for _ in range(bench.scale.rounds):
        without.append(bench.fanout("--subscribers", str(all_of_them - stuck), *common))
        among.append(
            bench.fanout("--subscribers", str(all_of_them), "--stuck", str(stuck), *common)
        )
    return {"without": medians(without), "stuck": medians(among)}


def standard_figures(bench):
    figures = {"about": about(bench), "log": the_log(bench), "publishing": publishing(bench)}
    figures["idle"] = idle(bench)
    figures["further"] = further(bench, figures["idle"])
    for name, measure in (
        ("steady", steady),
        ("saturation", saturation),
        ("published_by", published_by),
        ("topics", many_topics),
        ("latency", latency),
        ("workers", workers),
        ("slow", slow),
        ("beating", beating),
    ):
        figures[name] = measure(bench)
    return kept(figures)


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


def about(bench):
    return {
        "date": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "commit": commit(),
        "cores": os.cpu_count(),
        "processor": processor(),
        "kernel": platform.release(),
        "pinned": bool(bench.pinned),
        "rounds": bench.scale.rounds,
        "load": os.getloadavg()[0],
    }


def allow_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def write_json(path, what):
    write(path, json.dumps(what, indent=1, ensure_ascii=False) + "\n")


def run_standard(bench):
    began = time.monotonic()
    figures = standard_figures(bench)
    write_json(os.path.join(bench.folder, "figures.json"), figures)
    write_json(os.path.join(bench.folder, "results.json"), bench.results)
    write_report(figures, bench.folder)
    with open(os.path.join(bench.folder, "report.md"), encoding="utf-8") as f:
        print(f.read())
    print(
        f"{(time.monotonic() - began) / 60:.1f} minutes; written to {bench.folder}/report.md, its "
        "plots beside it"
    )


def log_sections(bench):
    yield appending(bench)
    yield acknowledging(bench)
    yield publishing_pipelined(bench)
    with contextlib.ExitStack() as stack:
        logs = Logs(bench, stack)
        for section in (resuming, replaying, replaying_beside):
            yield section(bench, logs)


def run_log(bench):
    parts = [f"# The log\n\n{about_text(about(bench))}"]
    print(parts[0])
    for part in log_sections(bench):
        parts.append(part)
        print(part, flush=True)
    write(os.path.join(bench.folder, "log.md"), "\n".join(parts))
    write_json(os.path.join(bench.folder, "log.json"), bench.results)
    print(f"written to {os.path.join(bench.folder, 'log.md')}")


def run_parts(bench, title, name, which):
    """Of bench_tls.py and its neighbours, into files of that NAME."""
    parts = [f"# {title}\n\n{about_text(about(bench))}"]
    print(parts[0])
    for part in bench_tls.sections(bench, which):
        parts.append(part)
        print(part, flush=True)
    write(os.path.join(bench.folder, f"{name}.md"), "\n".join(parts))
    write_json(os.path.join(bench.folder, f"{name}.json"), bench.results)
    print(f"written to {os.path.join(bench.folder, name)}.md")


def run_tls(bench):
    run_parts(bench, "TLS", "tls", bench_tls.TLS)


def run_h2(bench):
    run_parts(bench, "HTTP/2", "h2", bench_tls.H2)


def run_access(bench):
    run_parts(bench, "Access", "access", bench_access.ACCESS)


def run_floods(bench):
    run_parts(bench, "Floods", "floods", bench_floods.FLOODS)


# By the command line: what runs, how large, and the folder in BUILD for what comes out.
SETS = {
    (): (run_standard, STANDARD, "bench"),
    ("quick",): (run_standard, QUICK, "bench/quick"),
    ("log",): (run_log, STANDARD, "bench"),
    ("tls",): (run_tls, STANDARD, "bench"),
    ("tls", "quick"): (run_tls, QUICK, "bench/quick"),
    ("h2",): (run_h2, STANDARD, "bench"),
    ("h2", "quick"): (run_h2, QUICK, "bench/quick"),
    ("access",): (run_access, STANDARD, "bench"),
    ("access", "quick"): (run_access, QUICK, "bench/quick"),
    ("floods",): (run_floods, STANDARD, "bench"),
}


def main():
    which = tuple(sys.argv[2:])
    seconds = int(which[1]) if which[:1] == ("floods",) and which[1:] and which[1].isdigit() else None
    if seconds:
        which = which[:1]
    if len(sys.argv) < 2 or which not in SETS:
        sys.exit(__doc__)
    run, scale, folder = SETS[which]
    if seconds:
        scale = scale._replace(flood_seconds=seconds)
    build = os.path.abspath(sys.argv[1])
    allow_files()
    run(Bench(build, os.path.join(build, folder), scale))


if __name__ == "__main__":
    main()
