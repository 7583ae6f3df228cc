#!/usr/bin/env python3
"""What the figures of the standard set say: tables, targets and plots.

usage: bench_report.py FIGURES FOLDER [DOCUMENT]

Reads the file that `./dev bench` leaves (figures.json) and writes the plots into FOLDER, and
report.md; or with DOCUMENT, the tables into that instead, each between the lines `<!-- table: NAME
-->` and `<!-- end -->`. Nothing is measured here, and nothing is judged that is not in the figures.
"""

import json
import os
import re
import sys
import typing

import bench_plots
from bench_plots import BLUE, GREEN, GREY, ORANGE

# Figures that were measured elsewhere, of programs that do not run here: on a machine whose raw
# server took NCHAN_RAW µs for a delivery of few messages.
NCHAN_POLL, NCHAN_RAW = 13.0, 5.3
UWEBSOCKETS = {1000: 3_190_000, 10000: 2_920_000}
# Of uWebSockets in memory: what it publishes by HTTP, by row, and the fan-out of one such publisher.
UWEBSOCKETS_HTTP = {
    "HTTP, 1 with 256, `durability = memory`": 46_000,
    "HTTP, 16 with 16, `durability = memory`": 1_300_000,
}
UWEBSOCKETS_FANOUT = 3_800_000

WRONG = (
    ("missing", "missing"),
    ("repeated", "repeated"),
    ("late", "out of order"),
    ("foreign", "of other topics"),
    ("lost", "subscribers lost"),
    ("unanswered", "unanswered"),
    ("refused", "refused"),
)


def count(n):
    return "–" if n is None else f"{n:,.0f}"


def fine(n, digits=2):
    return "–" if n is None else f"{n:,.{digits}f}"


def divide(a, b):
    return a / b if a is not None and b else None


def ratio(a, b):
    return fine(divide(a, b))


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows]) + "\n"


def checked(result):
    """A word on what should not have happened."""
    wrong = [f"{result[key]:,} {word}" for key, word in WRONG if result.get(key)]
    return ", ".join(wrong) or "all arrived"


def further(row):
    """Bytes for each further topic of a connection."""
    more = row["more"]["memory_per_connection"]
    plain = row["hub"]["memory_per_connection"]
    return None if more is None or plain is None else (more - plain) / row["topics"]


def above(result, other, key="latency_p50_ms"):
    return None if result[key] is None or other[key] is None else result[key] - other[key]


def scaling(row):
    """How many times one worker's saturation two workers reach, by what a delivery costs each."""
    one = divide(row["one"]["cpu_per_delivery_us"], row["two"]["cpu_per_delivery_us"])
    return one and 2 * one


# --- targets ---


class Target(typing.NamedTuple):
    number: str  # as people refer to it
    what: str
    measured: float | None
    limit: float
    digits: int
    unit: str
    least: bool = False

    def row(self):
        said = "not measured"
        if self.measured is not None:
            within = self.measured >= self.limit if self.least else self.measured <= self.limit
            said = "met" if within else "**missed**"
        bound = f"{'≥' if self.least else '≤'} {fine(self.limit, self.digits)}{self.unit}"
        measured = fine(self.measured, self.digits) + (self.unit if self.measured is not None else "")
        return (self.number, self.what, measured, bound, said)


def idle_targets(figures):
    for row in figures["idle"]:
        what = f"memory of an idle connection, {row['name']}"
        yield Target("1", what, row["hub"]["memory_per_connection"], row["limit"], 0, " bytes")
    for row in figures["further"]:
        what = f"memory of each further topic of a connection, {row['name']}"
        yield Target("1", what, further(row), 60, 0, " bytes")


def steady_targets(figures):
    for row in figures["steady"]:
        if row["raw"] and not row.get("aside") and not row.get("poll"):
            what = f"few messages, CPU for each delivery: {row['name']} to raw"
            cost = divide(row["hub"]["cpu_per_delivery_us"], row["raw"]["cpu_per_delivery_us"])
            yield Target("2", what, cost, row.get("limit", 1.05), 3, "")


def saturation_targets(figures):
    for row in figures["saturation"]:
        subscribers, hub = row["subscribers"], row["hub"]
        who = f"{row['name']}, {count(subscribers)} subscribers"
        if row["raw_format"]:
            rate = divide(hub["deliveries_per_s"], row["batched"]["deliveries_per_s"])
            yield Target("3", f"saturation: {who}, to raw in one write", rate, 0.6, 2, "", True)
        elif subscribers in UWEBSOCKETS:
            what = f"saturation: {who}, ahead of uWebSockets (measured elsewhere)"
            limit = UWEBSOCKETS[subscribers]
            yield Target("3", what, hub["deliveries_per_s"], limit, 0, " /s", True)
        yield Target("3", f"saturation, p99: {who}", hub["latency_p99_ms"], 250, 0, " ms")


def publishing_targets(figures):
    for row in figures["publishing"]:
        if row["target"]:
            limit = float(row["target"].replace(",", ""))
            what = f"publishing: {row['name']}"
            yield Target("publish", what, row["result"]["acknowledged_per_s"], limit, 0, " /s", True)


def publisher_targets(figures):
    for row in figures.get("published_by", []):
        what = f"fan-out published by HTTP, to that of the local socket: {row['name']}"
        part = divide(row["http"]["deliveries_per_s"], row["local"]["deliveries_per_s"])
        yield Target("publish", what, part, 0.8, 2, "", least=True)


def topic_targets(figures):
    row = figures["topics"][0]
    cost = divide(row["hub"]["cpu_per_delivery_us"], row["raw"]["cpu_per_delivery_us"])
    what = f"many topics, CPU for each delivery to raw ({row['name']})"
    yield Target("4", what, cost, 1.10, 2, "")


def poll_targets(figures):
    polls = [row for row in figures["steady"] if row.get("poll") or not row["raw"]]
    raws = [row["raw"]["cpu_per_delivery_us"] for row in figures["steady"] if row not in polls]
    for row in polls:
        if row["raw"]:
            rounds = divide(row["hub"]["cpu_per_delivery_us"], row["raw"]["cpu_per_delivery_us"])
            yield Target("5", f"CPU for each round: {row['name']} to raw", rounds, 1.15, 2, "")
        cost, limit = row["hub"]["cpu_per_delivery_us"], 0.6 * NCHAN_POLL
        what = f"CPU for each round: {row['name']}; Nchan took {NCHAN_POLL} µs (measured elsewhere)"
        yield Target("5", what, cost, limit, 1, " µs")
        what = f"the same as a multiple of raw for WebSockets, on either machine: {row['name']}"
        yield Target("5", what, divide(cost, raws[0]), limit / NCHAN_RAW, 2, "")


def latency_targets(figures):
    raw, memory, hub = (row["result"] for row in figures["latency"]["rows"])
    commit = figures["latency"]["commit_ms"]
    over = above(hub, raw)
    over = None if over is None or commit is None else (over - commit) * 1000
    yield Target("6", "latency, p50 above raw and a commit", over, 120, 0, " µs")
    over = above(memory, raw)
    over = None if over is None else over * 1000
    yield Target("6", "latency, p50 above raw, `durability = memory`", over, 60, 0, " µs")


def worker_targets(figures):
    for row in figures["workers"]:
        what = f"two workers to one, by CPU time: {row['name']}"
        yield Target("7", what, scaling(row), 1.7, 2, "", True)


def connect_targets(figures):
    for row in figures["idle"]:
        if row["raw"]:
            what = f"CPU for each connect to raw's accept and one write, {row['name']}"
            cost = divide(row["hub"]["connect_cpu_us"], row["raw"]["connect_cpu_us"])
            yield Target("8", what, cost, 1.5, 2, "")


def slow_targets(figures):
    without, stuck = figures["slow"]["without"], figures["slow"]["stuck"]
    more = above(stuck, without, "memory_grown")
    yield Target("slow", "memory for readers that are stuck", more, 2048, 0, " KiB")
    longer = divide(stuck["latency_p99_ms"], without["latency_p99_ms"])
    yield Target("slow", "p99 of the others, to that without them", longer, 1.2, 2, "")


TARGETS = (
    idle_targets,
    steady_targets,
    saturation_targets,
    publishing_targets,
    publisher_targets,
    topic_targets,
    poll_targets,
    latency_targets,
    worker_targets,
    connect_targets,
    slow_targets,
)


def targets(figures):
    rows = [target.row() for some in TARGETS for target in some(figures)]
    return table(("", "target", "measured", "wanted", ""), rows)


# --- tables ---


def the_log(figures):
    log = figures["log"]
    rows = []
    for sync, said in (("sync", "yes"), ("nosync", "no")):
        for result in (log["batched"], log["single"]):
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
        f"log, {count(log['batched']['topics'])} topics /s",
        "of bare (target 0.70)",
        "CPU for each, µs (bare)",
    )
    filled, batched = log["filled"], log["batched"]
    return (
        table(head, rows)
        + f"\nOne page and `fdatasync`: {fine(batched['fdatasync_p50_ms'], 3)} ms (p50), "
        f"{fine(batched['fdatasync_p99_ms'], 3)} ms (p99). "
        f"Reading all of 1,000 topics: {count(filled['read_all_per_s'])} messages/s; one that has a "
        f"fifth of them: {count(filled['read_one_per_s'])}/s; the last 10 of one: "
        f"{fine(filled['resume_any_us'], 1)} µs (by CPU time).\n"
    )


def publishing(figures):
    head = (
        "publishing",
        "acknowledged/s",
        "target",
        "hub CPU for each, µs",
        "p50, ms",
        "p99, ms",
        "load's CPU, %",
        "uWebSockets /s (measured elsewhere)",
        "",
    )
    rows = [
        (
            row["name"],
            count(row["result"]["acknowledged_per_s"]),
            row["target"],
            fine(row["result"]["cpu_per_message_us"]),
            fine(row["result"]["ack_p50_ms"], 3),
            fine(row["result"]["ack_p99_ms"], 3),
            fine(row["result"]["load_cpu_percent"], 0),
            f"{UWEBSOCKETS_HTTP[row['name']]:,}" if row["name"] in UWEBSOCKETS_HTTP else "",
            checked(row["result"]).replace("all arrived", ""),
        )
        for row in figures["publishing"]
    ]
    return table(head, rows)


def published_by(figures):
    head = (
        "",
        "deliveries/s, published by HTTP",
        "on the local socket",
        "ratio (target 0.80)",
        "hub CPU for each, µs",
        "local",
        "",
    )
    rows = [
        (
            row["name"],
            count(row["http"]["deliveries_per_s"]),
            count(row["local"]["deliveries_per_s"]),
            ratio(row["http"]["deliveries_per_s"], row["local"]["deliveries_per_s"]),
            fine(row["http"]["cpu_per_delivery_us"], 3),
            fine(row["local"]["cpu_per_delivery_us"], 3),
            checked(row["http"]),
        )
        for row in figures.get("published_by", [])
    ]
    said = f"\nuWebSockets, published by HTTP (measured elsewhere): {UWEBSOCKETS_FANOUT:,} deliveries/s.\n"
    return table(head, rows) + said if rows else "Not measured in that run.\n"


def steady(figures):
    head = (
        "",
        "hub CPU for each delivery, µs",
        "raw",
        "ratio (target 0.90, without io_uring 1.05; long-poll 1.15)",
        "p50, ms",
        "raw",
        "p99, ms",
        "raw",
        "",
    )
    rows = [
        (
            row["name"],
            fine(row["hub"]["cpu_per_delivery_us"]),
            fine(row["raw"].get("cpu_per_delivery_us")),
            ratio(row["hub"]["cpu_per_delivery_us"], row["raw"].get("cpu_per_delivery_us")),
            fine(row["hub"]["latency_p50_ms"]),
            fine(row["raw"].get("latency_p50_ms")),
            fine(row["hub"]["latency_p99_ms"]),
            fine(row["raw"].get("latency_p99_ms")),
            checked(row["hub"]),
        )
        for row in figures["steady"]
    ]
    return table(head, rows)


def idle(figures):
    rows = [
        (
            row["name"],
            count(row["hub"]["memory_per_connection"]),
            count(row["limit"]),
            checked(row["hub"]),
        )
        for row in figures["idle"]
    ]
    rows += [
        (
            f"each of {row['topics']} further topics of a connection, {row['name']}",
            count(further(row)),
            "60",
            checked(row["more"]),
        )
        for row in figures["further"]
    ]
    return table(("", "bytes", "target", ""), rows)


def connects(figures):
    head = ("", "hub CPU for each, µs", "raw", "ratio (target 1.50)", "connects/s", "raw")
    rows = [
        (
            row["name"],
            fine(row["hub"]["connect_cpu_us"], 1),
            fine(row["raw"]["connect_cpu_us"], 1),
            ratio(row["hub"]["connect_cpu_us"], row["raw"]["connect_cpu_us"]),
            count(row["hub"]["connects_per_s"]),
            count(row["raw"]["connects_per_s"]),
        )
        for row in figures["idle"]
        if row["raw"]
    ]
    return table(head, rows)


def saturation(figures):
    head = (
        "",
        "deliveries/s",
        "raw in one write",
        "ratio (target 0.60)",
        "raw, a write for each",
        "hub CPU for each, µs",
        "raw in one write",
        "p99, ms (target 250)",
        "raw in one write",
        "CPU of hub / load, %",
        "",
    )
    rows = [
        (
            f"{row['name']}, {count(row['subscribers'])}",
            count(row["hub"]["deliveries_per_s"]),
            count(row["batched"]["deliveries_per_s"]),
            ratio(row["hub"]["deliveries_per_s"], row["batched"]["deliveries_per_s"]),
            count(row["raw"]["deliveries_per_s"]),
            fine(row["hub"]["cpu_per_delivery_us"], 3),
            fine(row["batched"]["cpu_per_delivery_us"], 3),
            fine(row["hub"]["latency_p99_ms"], 0),
            fine(row["batched"]["latency_p99_ms"], 0),
            " / ".join(fine(row["hub"][f"{who}_cpu_percent"], 0) for who in ("server", "load")),
            checked(row["hub"]),
        )
        for row in figures["saturation"]
    ]
    return table(head, rows)


def topics(figures):
    head = ("", "hub CPU for each delivery, µs", "raw", "ratio (target 1.10)", "p99, ms", "")
    rows = [
        (
            row["name"],
            fine(row["hub"]["cpu_per_delivery_us"]),
            fine(row["raw"]["cpu_per_delivery_us"]),
            ratio(row["hub"]["cpu_per_delivery_us"], row["raw"]["cpu_per_delivery_us"]),
            fine(row["hub"]["latency_p99_ms"], 1),
            checked(row["hub"]),
        )
        for row in figures["topics"]
    ]
    return table(head, rows)


PERCENTILES = (("p50", "p50"), ("p90", "p90"), ("p99", "p99"), ("p999", "p99.9"), ("max", "max"))


def latency(figures):
    raw = figures["latency"]["rows"][0]["result"]
    head = ("", *(f"{name}, ms" for _, name in PERCENTILES), "p50 above raw, ms", "answer p50, ms")
    rows = [
        (
            row["name"],
            *(fine(row["result"][f"latency_{key}_ms"], 3) for key, _ in PERCENTILES),
            fine(above(row["result"], raw), 3),
            fine(row["result"]["ack_p50_ms"], 3),
        )
        for row in figures["latency"]["rows"]
    ]
    commit = figures["latency"]["commit_ms"]
    return (
        table(head, rows)
        + "\nTargets for p50: with `durability = memory` 0.060 ms above raw; otherwise 0.120 ms above"
        f" raw and a commit, which alone takes {fine(commit, 3)} ms at this rate.\n"
    )


def workers(figures):
    head = (
        "",
        "CPU for each delivery, one worker, µs",
        "two workers",
        "deliveries/s, one worker",
        "two workers",
        "two to one, by CPU time (target 1.70)",
        "",
    )
    rows = [
        (
            row["name"],
            fine(row["one"]["cpu_per_delivery_us"], 3),
            fine(row["two"]["cpu_per_delivery_us"], 3),
            count(row["one"]["deliveries_per_s"]),
            count(row["two"]["deliveries_per_s"]),
            fine(scaling(row)),
            checked(row["two"]),
        )
        for row in figures["workers"]
    ]
    return table(head, rows)


def slow(figures):
    row = figures["slow"]
    head = ("", "memory grew by, KiB", "p99 of the others, ms", "p50", "")
    rows = [
        (
            name,
            count(row[key]["memory_grown"]),
            fine(row[key]["latency_p99_ms"], 1),
            fine(row[key]["latency_p50_ms"], 1),
            checked(row[key]),
        )
        for key, name in (("without", "without them"), ("stuck", "with them"))
    ]
    return table(head, rows)


def beating(figures):
    row = figures.get("beating")
    if not row:
        return "Not measured in that run.\n"
    names = ("without", "without them"), ("beside", f"beside {count(row['streams'])} of them")
    rows = [
        (
            name,
            fine(row[key]["latency_p50_ms"], 2),
            fine(row[key]["latency_p99_ms"], 2),
            fine(row[key]["latency_max_ms"], 1),
            checked(row[key]),
        )
        for key, name in names
    ]
    return table(("", "p50 of the others, ms", "p99", "max", ""), rows)


def about_text(a):
    """Where and how it was measured."""
    where = (
        "hub and raw server on core 0, the load on core 1" if a["pinned"] else "nothing was pinned"
    )
    return (
        f"{a['date']}, commit {a['commit']}: {a['cores']} cores ({a['processor']}), "
        f"Linux {a['kernel']}; {where}. One worker, `log.sync = always`, payloads of 128 bytes; "
        f"medians of up to {a['rounds']} runs each. Load average at the start: {a['load']:.1f}.\n"
    )


def about(figures):
    return about_text(figures["about"])


# Name, heading in the report, what makes the text, what is to be known for reading it, plot.
SECTIONS = (
    ("targets", "Targets", targets, "", ""),
    ("log", "The log", the_log, "", ""),
    ("publishing", "Publishing", publishing, "", ""),
    ("idle", "Idle connections", idle, "Memory of the hub (Pss).", "idle"),
    ("connects", "Connects", connects, "Request and first answer included.", ""),
    (
        "steady",
        "Few messages",
        steady,
        "50 messages a second to each of the subscribers of one topic.",
        "steady",
    ),
    (
        "saturation",
        "Saturation",
        saturation,
        "Subscribers of one topic, as fast as possible. Where the load's CPU is near 100 %, the load "
        "is the limit, for the raw server as well.",
        "saturation",
    ),
    (
        "published_by",
        "Published by HTTP",
        published_by,
        "The same as fast as possible, once published by HTTP, pipelined, and once on the local socket.",
        "",
    ),
    ("topics", "Many topics", topics, "2,000 messages a second, to 10 subscribers each.", ""),
    ("latency", "Latency", latency, "10 subscribers, 100 messages a second.", "latency"),
    (
        "workers",
        "Two workers",
        workers,
        "By CPU time: twice one worker's CPU time for each delivery, divided by two workers'. One "
        "process makes the load, on one of the hub's two cores; so two workers could not deliver "
        "twice as much here, and are disturbed by it.",
        "",
    ),
    (
        "slow",
        "Readers that are stuck",
        slow,
        "8 KiB messages, 30 a second; a tenth of the subscribers never read. Targets: 2,048 KiB "
        "more, p99 1.2 times.",
        "",
    ),
    (
        "beating",
        "Heartbeats",
        beating,
        "10 subscribers, 100 messages a second, beside streams that were opened at once and get "
        "nothing but two heartbeats each.",
        "",
    ),
)


# --- plots ---


def plot_saturation(figures):
    groups = [
        (
            f"{row['name']}, {count(row['subscribers'])}",
            [
                rate and rate / 1e6
                for rate in (row[who]["deliveries_per_s"] for who in ("hub", "batched", "raw"))
            ],
            None,
        )
        for row in figures["saturation"]
    ]
    names = (("hub", BLUE), ("raw, all in one write", ORANGE), ("raw, a write for each", GREY))
    title = "Deliveries as fast as possible, subscribers of one topic"
    return bench_plots.bars(title, "million deliveries a second", names, groups)


def plot_steady(figures):
    groups = [
        (
            row["name"],
            [row["hub"]["cpu_per_delivery_us"], row["raw"].get("cpu_per_delivery_us")],
            None,
        )
        for row in figures["steady"]
        if row.get("limit") != 1.05
    ]
    title = "CPU for each delivery, 50 messages a second"
    return bench_plots.bars(title, "µs", (("hub", BLUE), ("raw, a write for each", GREY)), groups)


def plot_idle(figures):
    groups = [
        (row["name"], [row["hub"]["memory_per_connection"]], row["limit"]) for row in figures["idle"]
    ]
    groups += [(f"further topic, {row['name']}", [further(row)], 60) for row in figures["further"]]
    title = "Memory of the hub for each connection that waits"
    return bench_plots.bars(title, "bytes (Pss)", (("hub", BLUE),), groups, "target")


def plot_latency(figures):
    across = [name for _, name in PERCENTILES]
    rows = figures["latency"]["rows"]
    names = list(zip((row["name"].replace("`", "") for row in rows), (GREY, GREEN, BLUE)))
    series = [[row["result"][f"latency_{key}_ms"] for key, _ in PERCENTILES] for row in rows]
    title = "Publish to delivery, 10 subscribers, 100 messages a second"
    return bench_plots.lines(title, "ms", across, names, series)


PLOTS = {
    "saturation": plot_saturation,
    "steady": plot_steady,
    "idle": plot_idle,
    "latency": plot_latency,
}


# --- writing ---


def report(figures):
    """All of it as Markdown, beside its plots."""
    parts = [f"# longwire-bench\n\n{about(figures)}\nRepeat with `./dev bench`.\n"]
    for _, title, text, said, plot in SECTIONS:
        shown = f"![{title}]({plot}.svg)\n\n" if plot else ""
        parts.append(f"## {title}\n\n{said}\n\n{shown}{text(figures)}".replace("\n\n\n\n", "\n\n"))
    return "\n".join(parts)


def fill_in(document, figures):
    """DOCUMENT with the tables that it has a place for."""
    texts = {name: text for name, _, text, _, _ in SECTIONS} | {"about": about}

    def put(match):
        return f"{match[1]}\n{texts[match[2]](figures)}{match[3]}"

    place = r"(<!-- table: (\w+) -->)\n.*?(<!-- end -->)"
    return re.sub(place, put, document, flags=re.DOTALL)


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def write_plots(figures, folder):
    for name, plot in PLOTS.items():
        write(os.path.join(folder, f"{name}.svg"), plot(figures))


def write_report(figures, folder):
    """The report and its plots."""
    write_plots(figures, folder)
    write(os.path.join(folder, "report.md"), report(figures))


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as f:
        figures = json.load(f)
    if len(sys.argv) == 3:
        write_report(figures, sys.argv[2])
        return
    write_plots(figures, sys.argv[2])
    with open(sys.argv[3], encoding="utf-8") as f:
        document = f.read()
    write(sys.argv[3], fill_in(document, figures))


if __name__ == "__main__":
    main()
