#!/usr/bin/env python3
"""The standard set of measurements: `./dev bench` runs it.

usage: bench-suite.py BUILD

Starts hubs out of the folder BUILD, measures them with longwire-bench beside their raw limits, and
prints what came out; the same goes to BUILD/bench/report.md, and every figure to
BUILD/bench/results.json. Hub and raw server run on core 0, the load on core 1. What is compared is
measured in turn, several times, and the medians are told.
"""

import contextlib
import datetime
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

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


class Bench:
    """Runs longwire-bench and keeps what it reports."""

    def __init__(self, build):
        self.build = build
        self.folder = os.path.join(build, "bench")
        self.results = []
        self.commit_ms = None  # of one message
        self.pinned = (os.cpu_count() or 1) > 1 and shutil.which("taskset")
        os.makedirs(self.folder, exist_ok=True)

    def on_core(self, core, words):
        return ["taskset", "-c", str(core), *words] if self.pinned else list(words)

    @contextlib.contextmanager
    def hub(self, *settings):
        """A fresh hub with one worker; yields the options that lead to it."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            socket = os.path.join(folder, "hub.sock")
            words = [os.path.join(self.build, "longwired"), "--config", "/dev/null"]
            for setting in (
                f"hub.data_dir={folder}/data",
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
                    yield {"socket": ("--socket", socket), "url": ("--url", url)}
                finally:
                    process.terminate()

    def run(self, mode, *options):
        words = [os.path.join(self.build, "longwire-bench"), mode, *options, "--json"]
        print(f"longwire-bench {mode} {' '.join(options)}", file=sys.stderr)
        done = subprocess.run(
            self.on_core(1, words), stdout=subprocess.PIPE, text=True, check=False
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
        f"Replay of all topics: {count(batched['replay_all_per_s'])} messages/s; of one in "
        f"{count(batched['topics'])}: {count(batched['replay_one_per_s'])}/s; the last 10 of one: "
        f"{fine(batched['resume_us'], 1)} µs.\n"
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


def saturation(bench):
    rows = []
    common = ("--subscribers", str(SUBSCRIBERS), *MEASURED, *AHEAD, *AWAKE)
    for options, name in FORMATS:
        hub, raw = bench.compare(*options, *common, raw_options=("--batch",))
        rows.append(
            (
                name,
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
        f"{count(SUBSCRIBERS)} subscribers, as fast as possible",
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
    hub, raw = bench.compare(*options, *MEASURED, "--pipeline", "1000", *AWAKE)
    row = (
        fine(hub["cpu_per_delivery_us"]),
        fine(raw["cpu_per_delivery_us"]),
        ratio(hub["cpu_per_delivery_us"], raw["cpu_per_delivery_us"]),
        fine(hub["latency_p99_ms"], 1),
        count(hub["memory_per_connection"]),
        checked(hub),
    )
    head = (
        "hub CPU for each delivery, µs",
        "raw",
        "ratio (target 1.10)",
        "p99, ms",
        "memory for each, bytes (target 400)",
        "",
    )
    return "## 10,000 subscribers of 1,000 topics, 2,000 messages/s\n\n" + table(head, [row])


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


def setting(bench):
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    where = "hub on core 0, load on core 1" if bench.pinned else "nothing pinned"
    return (
        "# longwire-bench\n\n"
        f"{now}, commit {commit()}. {os.cpu_count()} cores ({processor()}), "
        f"Linux {platform.release()}; {where}. One worker, `log.sync = always`, payloads of 128 "
        f"bytes. Load average at the start: {os.getloadavg()[0]:.1f}.\n\n"
        "Repeat with `./dev bench`; every figure is in results.json.\n"
    )


def allow_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    allow_files()
    bench = Bench(os.path.abspath(sys.argv[1]))
    parts = [setting(bench)]
    print(parts[0])
    for section in (the_log, publishing, steady, saturation, many_topics, latency):
        parts.append(section(bench))
        print(parts[-1], flush=True)
    with open(os.path.join(bench.folder, "report.md"), "w", encoding="utf-8") as f:
        f.write("\n".join(parts))
    with open(os.path.join(bench.folder, "results.json"), "w", encoding="utf-8") as f:
        json.dump(bench.results, f, indent=1)
    print(f"written to {os.path.join(bench.folder, 'report.md')}")


if __name__ == "__main__":
    main()
