"""Recordings: spans of a few requests of each endpoint, faulty and fixed, as OTLP JSON lines, so that detectors can be
tested without any server. One line is one trace; a file is one endpoint in one mode.
"""

import random
import time
from pathlib import Path

from . import cluster, processes, traffic
from .steps import ROOT, State, free_ports, run, step, wait_for_port

FLUSH_SECONDS = 2.5
WARM_UP_REQUESTS = 12
REQUESTS_DEFAULT = 24
# Fewer where a request has hundreds of spans, more where a fault shows over a window only.
REQUESTS = {
    "orders": 10, "dashboard": 10, "posts": 10, "applications-submit": 8, "articles": 12, "facets": 60,
    "stock": 12, "customers-overview": 12, "trending": 20, "webhooks": 80, "tracking": 30,
}  # fmt: skip


def record(state: State, scale: str, out: Path) -> None:
    """Records both modes."""
    out.mkdir(parents=True, exist_ok=True)
    processes.make_venv(state)
    cluster.start(state, scale)
    for mode in ("faulty", "fixed"):
        record_mode(state, mode, "", out)
    # The same application with the newer names of attributes, which users opt into.
    record_mode(state, "faulty", "http,database", out)
    processes.stop(state)


def record_mode(state: State, mode: str, semconv: str, out: Path) -> None:
    """Records one mode."""
    raw = state.folder / "recorded.bin"
    raw.unlink(missing_ok=True)
    (port,) = free_ports(1)
    state.end("recorder")
    state.spawn("recorder", [state.python, ROOT / "ground" / "receive.py", port, raw])
    wait_for_port(port, "the recorder", state, "recorder")
    processes.start(state, processes.Choice(mode, "", "", f"http://127.0.0.1:{port}", semconv))
    with step(f"ask each endpoint ({mode})"):
        ask_all(f"127.0.0.1:{state.read('ports')['app']}")
        time.sleep(FLUSH_SECONDS)
    state.end("gunicorn")
    state.end("recorder")
    convert = [state.python, ROOT / "ground" / "convert.py", raw, out, mode + ("-new" if semconv else "")]
    run(convert, what="writing the recordings")


def ask_all(address: str) -> None:
    """A few requests to each endpoint, one after the other."""
    connection = traffic.http.client.HTTPConnection(address, timeout=traffic.ANSWER_SECONDS_MAX)
    for _ in range(WARM_UP_REQUESTS):
        traffic.send(connection, traffic.Ask("GET", "/healthz"))
    for name, _, ask in traffic.MIX:
        client = traffic.Client(random.Random(name))
        for _ in range(REQUESTS.get(name, REQUESTS_DEFAULT)):
            status, answer = traffic.send(connection, ask(client))
            if name == "archive" and status == 200:
                client.archive.learn(traffic.json.loads(answer))
    for _ in range(2):
        traffic.send(connection, traffic.Ask("GET", "/api/reports/monthly/"))
    connection.close()
