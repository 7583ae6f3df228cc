"""Sets of measurements of TLS and HTTP/2: `./dev bench tls`, `./dev bench h2`.

What secure connections take and cost, beside plain ones of the same hub and beside nginx with
Debian's OpenSSL, measured in turn. Part of bench-suite.py, which has the hubs and longwire-bench.
"""

import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from bench_report import count, divide, fine, ratio, table

NGINX = os.environ.get("NGINX", "/usr/sbin/nginx")
# As clients negotiate it today: a curve's key, AES-128.
KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split()
QUIET = "--rate 2 --seconds 1 --warmup 0".split()
TRANSPORTS = (("sse", "event stream", 700), ("ws", "WebSocket", 700), ("poll", "long-poll", 1000))


def median(results, key):
    values = [result[key] for result in results if result[key] is not None]
    return statistics.median(values) if values else None


def make_certificate(folder):
    cert, key = os.path.join(folder, "tls.pem"), os.path.join(folder, "tls.key")
    words = ["openssl", "req", "-x509", *KEY, "-days", "2", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert]
    subprocess.run(words, check=True, capture_output=True)
    for name in (cert, key):
        os.chmod(name, 0o644)
    return cert, key


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def can_connect(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


class Secure:
    """Hubs and nginx with the same certificate."""

    def __init__(self, bench, folder):
        self.bench = bench
        self.scale = bench.scale
        self.folder = folder
        self.cert, self.key = make_certificate(folder)

    def hub(self, *settings, **options):
        tls = ("http.listen=tls:127.0.0.1:0", f"tls.certificate={self.cert}", f"tls.key={self.key}")
        # A thousand clients shake hands on one core here, who have all the time they need.
        return self.bench.hub(*tls, "tls.handshake_timeout=1m", *settings, **options)

    @contextlib.contextmanager
    def nginx(self):
        """One process that answers every request itself; yields as Bench.hub does."""
        port = free_port()
        path = os.path.join(self.folder, "nginx.conf")
        temporary = "\n".join(
            f"{name}_temp_path {self.folder}/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        with open(path, "w", encoding="utf-8") as f:
            f.write(
                f"daemon off; master_process off; pid {self.folder}/nginx.pid;\n"
                "error_log stderr error; worker_rlimit_nofile 65536;\n"
                "events { worker_connections 32768; }\n"
                f"http {{ access_log off; keepalive_timeout 600s; {temporary}\n"
                f"server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {self.cert};\n"
                f"ssl_certificate_key {self.key}; location / {{ return 200; }} }} }}\n"
            )
        words = self.bench.on_cores("0", [NGINX, "-p", self.folder, "-c", path, "-e", "stderr"])
        with subprocess.Popen(words) as process:
            try:
                while not can_connect(port):
                    if process.poll() is not None:
                        sys.exit("nginx did not start; it says why above")
                    time.sleep(0.05)
                yield {"tls": ("--url", f"https://127.0.0.1:{port}"), "pid": process.pid}
            finally:
                process.terminate()

    def handshakes(self, server, *options):
        return self.bench.run(
            "handshake", *server["tls"], "--pid", str(server["pid"]), *options
        )


# --- what waits ---


def idle_bytes(secure, scale):
    rows = []
    subscribers = ("--subscribers", str(scale.tls_idle), *QUIET)
    for transport, name, limit in TRANSPORTS:
        found = {}
        for kind in ("url", "tls"):
            with secure.hub() as hub:
                # What many handshakes at once leave in the heap is not a connection's.
                secure.handshakes(hub, "--count", "300", "--connections", "128")
                options = ("--transport", transport, *subscribers, *hub["socket"], *hub[kind])
                found[kind] = secure.bench.run("fanout", *options)["memory_per_connection"]
        rows.append((name, count(found["tls"]), count(limit), count(found["url"]), "–"))
    hold = ("--hold", "--count", str(scale.tls_idle), "--connections", "16")
    with secure.nginx() as nginx, secure.hub() as hub:
        secure.handshakes(hub, "--count", "300", "--connections", "128")
        bare = secure.handshakes(hub, *hold)["memory_per_connection"]
        theirs = secure.handshakes(nginx, *hold)["memory_per_connection"]
    rows.append(("nothing asked for yet", count(bare), "", "", count(theirs)))
    head = ("a connection that waits", "TLS, bytes", "target", "plain", "nginx, TLS")
    return "## What a connection takes that waits\n\n" + table(head, rows)


# --- handshakes ---


def handshake_costs(secure, scale):
    rows = []
    each = ("--count", str(scale.handshakes))
    many = ("--count", str(scale.handshakes * 4))
    with secure.nginx() as nginx, secure.hub() as hub:
        plain = {**hub, "tls": hub["url"]}
        found = {"whole": ([], []), "resumed": ([], [])}
        bare = []
        for _ in range(scale.rounds):
            bare.append(secure.handshakes(plain, "--plain", *many))
            for server, which in ((hub, 0), (nginx, 1)):
                found["whole"][which].append(secure.handshakes(server, *each))
                found["resumed"][which].append(secure.handshakes(server, "--tls-resume", *many))
    connecting = median(bare, "cpu_per_handshake_us")
    for name, target in (("whole", 500), ("resumed", 15000)):
        ours, theirs = (median(of, "cpu_per_handshake_us") for of in found[name])
        own = ours - connecting
        outside = ours * (1 - median(found[name][0], "cpu_kernel_percent") / 100)
        rows.append(
            (
                name,
                count(ours),
                count(divide(1e6, ours)),
                count(divide(1e6, own)),
                count(outside),
                count(divide(1e6, outside)),
                f"≥ {count(target)}",
                count(theirs),
                count(divide(1e6, theirs)),
            )
        )
    head = (
        "handshake",
        "CPU, µs",
        "a core and second",
        "without connecting",
        "outside the kernel, µs",
        "a core and second",
        "target",
        "nginx, µs",
        "a core and second",
    )
    text = f"Connecting and ending alone: {count(connecting)} µs.\n"
    return "## Handshakes\n\n" + table(head, rows) + "\n" + text


@contextlib.contextmanager
def silent(url, n):
    """N connections to the port of URL that say nothing."""
    port = int(url.rsplit(":", 1)[1])
    with contextlib.ExitStack() as stack:
        for _ in range(n):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        yield


def beside_silence(secure, scale):
    few = ("--count", "100", "--connections", "1")
    with secure.hub("http.head_timeout=1h", "tls.handshake_timeout=1h") as hub:
        alone = secure.handshakes(hub, *few)
        with silent(hub["tls"][1], scale.silent):
            beside = secure.handshakes(hub, *few)
    row = (
        count(scale.silent),
        fine(alone["handshake_p50_ms"]),
        fine(beside["handshake_p50_ms"]),
        fine(beside["handshake_max_ms"]),
    )
    head = ("silent connections", "a handshake alone, p50, ms", "beside them", "the slowest")
    return "## Whom silence keeps out\n\n" + table(head, [row])


def storm(secure, scale):
    """Many who come back at once, while others are served."""
    common = ("--transport", "ws", "--raw", "--subscribers", str(scale.subscribers))
    common += ("--rate", "100", *scale.measured(scale.storm_seconds))
    with secure.hub() as hub:
        common += (*hub["socket"], *hub["tls"])
        without = secure.bench.run("fanout", *common)
        words = [os.path.join(secure.bench.build, "longwire-bench"), "handshake", "--tls-resume"]
        words += [*hub["tls"], "--pid", str(hub["pid"]), "--json", "--connections", "256"]
        words += ["--count", str(scale.silent)]
        with subprocess.Popen(
            ["sh", "-c", f"sleep 2; exec {' '.join(words)}"], stdout=subprocess.PIPE
        ) as other:
            within = secure.bench.run("fanout", *common)
            other.communicate()
    p99 = "latency_p99_ms"
    row = (fine(without[p99]), fine(within[p99]), ratio(within[p99], without[p99]), "1.20")
    head = ("p99 without, ms", f"while {count(scale.silent)} resume", "ratio", "target")
    return "## A storm of those who come back\n\n" + table(head, [row])


# --- deliveries ---


def delivery_costs(secure, scale):
    rows = []
    for options, name in (
        (("--transport", "ws", "--raw"), "WebSocket raw"),
        (("--transport", "sse"), "SSE"),
    ):
        common = (*options, "--subscribers", str(scale.subscribers), "--rate", "100", "--spin")
        common += scale.measured()
        found = {"url": [], "tls": []}
        with secure.hub() as hub:
            for _ in range(scale.rounds):
                for kind, results in found.items():
                    options = (*common, *hub["socket"], *hub[kind])
                    results.append(secure.bench.run("fanout", *options))
        plain, tls = (median(found[kind], "cpu_per_delivery_us") for kind in ("url", "tls"))
        rows.append((name, fine(tls), fine(plain), ratio(tls, plain), "1.20"))
    head = ("to 1,000 at 100/s", "TLS, µs of CPU", "plain", "ratio", "target")
    return "## What a delivery costs\n\n" + table(head, rows)


def saturation(secure, scale):
    """What is delivered at most, beside what sealing the same bytes allows, and sealing and writing
    them."""
    window = ("--rate", "0", "--pipeline", "1000", "--window", "1000", "--spin")
    common = ("--transport", "ws", "--raw", "--subscribers", str(scale.subscribers), *window)
    common += scale.measured()
    tls, raw, sealed = [], [], []
    with secure.hub() as hub:
        for _ in range(scale.rounds):
            tls.append(secure.bench.run("fanout", *common, *hub["socket"], *hub["tls"]))
            raw.append(secure.bench.raw("--batch", *common))
            sealed.append(secure.bench.run("seal"))
    message = 128 + 4  # of its frame
    seal = median(sealed, "seal_cpu_us") * message / 16384
    reached = median(tls, "cpu_per_delivery_us")
    write = median(raw, "cpu_per_delivery_us")
    row = (
        count(median(tls, "deliveries_per_s")),
        fine(reached, 3),
        fine(seal, 3),
        ratio(seal, reached),
        fine(seal + write, 3),
        ratio(seal + write, reached),
        "0.70",
    )
    head = (
        "delivered /s",
        "CPU for each, µs",
        "sealing alone",
        "of it",
        "sealing and writing alone",
        "of it",
        "target",
    )
    return "## Saturation\n\n" + table(head, [row])


# --- HTTP/2 ---

MANY = "http.h2_max_streams=1000"
SSE = ("--transport", "sse")


def h2_idle(secure, scale):
    """Connections with one event stream each, and what each further one takes."""
    rows = []
    for kind, name, limit in (("url", "h2", None), ("tls", "TLS and h2", 17000)):
        found = {}
        few, many = scale.tls_idle // 5, scale.tls_idle * 2
        for streams, subscribers in ((1, few), (1000, many)):
            with secure.hub(MANY) as hub:
                secure.handshakes(hub, "--count", "300", "--connections", "16")
                options = (*SSE, "--streams", str(streams), "--subscribers", str(subscribers))
                options += (*QUIET, *hub["socket"], *hub[kind])
                found[streams] = secure.bench.run("fanout", *options)["memory_per_connection"]
        one, connections = found[1], -(-many // 1000)
        further = None
        if None not in found.values():
            further = (found[1000] * many - one * connections) / (many - connections)
        rows.append((name, count(one), count(limit), count(further), "600"))
    head = ("", "a connection with one event stream, bytes", "target", "each further", "target")
    return "## What HTTP/2 takes that waits\n\n" + table(head, rows)


def h2_deliveries(secure, scale):
    """To as many streams of one connection as to connections of their own."""
    rows = []
    n = str(scale.subscribers)
    common = (*SSE, "--subscribers", n, "--rate", "100", "--spin", *scale.measured())
    ways = (
        ("HTTP/1.1", "url", ()),
        ("h2, one connection", "url", ("--streams", n)),
        ("TLS and HTTP/1.1", "tls", ()),
        ("TLS and h2, one connection", "tls", ("--streams", n)),
    )
    for name, kind, options in ways:
        results = []
        for _ in range(scale.rounds):
            with secure.hub(MANY) as hub:
                at = (*hub["socket"], *hub[kind])
                results.append(secure.bench.run("fanout", *common, *options, *at))
        cost = median(results, "cpu_per_delivery_us")
        kernel = median(results, "cpu_kernel_percent")
        own = cost * (1 - kernel / 100)
        p99 = median(results, "latency_p99_ms")
        target = "1.0" if "h2" in name and kind == "url" else ""
        rows.append((name, fine(cost, 3), fine(own, 3), target, fine(p99)))
    head = (f"to {n} at 100/s", "CPU, µs", "without system calls", "target", "p99, ms")
    return "## What a delivery costs over HTTP/2\n\n" + table(head, rows)


def h2_stuck(secure, scale):
    """The same streams with and without others that never open their windows."""
    common = (*SSE, "--streams", "100", "--rate", "100", "--size", "2000")
    common += scale.measured(scale.slow_seconds)
    without, among = [], []
    for _ in range(scale.rounds):
        with secure.hub(MANY) as hub:
            at = (*hub["socket"], *hub["url"])
            without.append(secure.bench.run("fanout", *common, "--subscribers", "90", *at))
            options = ("--subscribers", "100", "--stuck", "10")
            among.append(secure.bench.run("fanout", *common, *options, *at))
    p99 = [median(results, "latency_p99_ms") for results in (without, among)]
    row = (fine(p99[0]), fine(p99[1]), ratio(p99[1], p99[0]), "1.20")
    head = ("p99 of 90 streams, ms", "beside 10 without a window", "ratio", "target")
    return "## Streams without a window\n\n" + table(head, [row])


H2 = (h2_idle, h2_deliveries, h2_stuck)
TLS = (idle_bytes, handshake_costs, beside_silence, storm, delivery_costs, saturation)


def sections(bench, which):
    """The parts of the report, one after the other."""
    for needed in ("openssl", NGINX):
        if not shutil.which(needed):
            sys.exit(f"{needed} is missing")
    with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
        os.chmod(folder, 0o755)
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        secure = Secure(bench, folder)
        for part in which:
            yield part(secure, bench.scale)
