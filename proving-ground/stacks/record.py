#!/usr/bin/env python3
"""Records real spans of other stacks: each application runs on a real PostgreSQL, is asked a few times at each endpoint,
and what its instrumentation sends is written as OTLP JSON lines, a file per stack and endpoint.

Usage: record.py STATE_DIR [STACK ...]. Standard library only; makes a virtual environment and node_modules in STATE_DIR.
"""

import json
import os
import shutil
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from ground import cluster  # noqa: E402
from ground.steps import ROOT, GroundError, State, free_ports, run, step, wait_for_port  # noqa: E402

OUT = ROOT.parent / "crates" / "app" / "engine" / "tests" / "recordings"
DATABASE = "shop"
ORDERS = 20_000  # as in data.sql
ASKS = 8
WARM_UP_ASKS = 3
FLUSH_SECONDS = 3
ANSWER_SECONDS_MAX = 60


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of the shop: the same paths in every stack that has it."""

    name: str
    path: str  # with fields for what differs from ask to ask
    body: str = ""  # of a POST: `order` or `emails`
    stacks: tuple[str, ...] = ("fastapi", "express", "prisma")


ENDPOINTS = [
    Endpoint("orders", "/orders"),
    Endpoint("orders-parallel", "/orders/parallel", stacks=("express",)),
    Endpoint("orders-lines", "/orders/lines"),
    Endpoint("orders-eager", "/orders/lines/eager"),
    Endpoint("orders-batched", "/orders/batched"),
    Endpoint("order-detail", "/orders/{n}"),
    Endpoint("invoice", "/orders/{n}/invoice"),
    Endpoint("quote-serial", "/quote?country={country}"),
    Endpoint("quote-parallel", "/quote/together?country={country}", stacks=("fastapi", "express")),
    Endpoint("parcel-dependent", "/orders/{n}/parcel"),
    Endpoint("stock-per-item", "/stock", stacks=("fastapi", "express")),
    Endpoint("events-page", "/events?page={deep}"),
    Endpoint("events-search", "/events/search?q={hex}"),
    Endpoint("checkout", "/orders", "order"),
    Endpoint("import-loop", "/contacts/import", "emails"),
    Endpoint("import-bulk", "/contacts/import/bulk", "emails"),
]


def main(folder: Path, stacks: list[str]) -> None:
    """Records these stacks."""
    state = State(folder)
    make_packages(state)
    try:
        database = start_database(state)
        for stack in stacks or STACKS:
            record(state, stack, database, "otlp")
        if not stacks or "express" in stacks:
            record(state, "express", database, "zipkin")
    finally:
        for name in ("app", "outside", "recorder"):
            state.end(name)
        cluster.stop(state)


def make_packages(state: State) -> None:
    """The virtual environment and the Node packages, unless they are there."""
    if not state.python.exists():
        with step("make the virtual environment"):
            run([sys.executable, "-m", "venv", state.folder / "venv"], what="python -m venv")
            pip = [state.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
            run([*pip, "-r", HERE / "fastapi_shop" / "requirements.txt"], what="pip install")
    for name in ("express_shop", "prisma_shop"):
        copy = state.folder / name
        shutil.copytree(HERE / name, copy, dirs_exist_ok=True)
        if (copy / "node_modules").exists():
            continue
        with step(f"install the packages of {name} from npm"):
            run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=copy, what="npm install")
        if (copy / "schema.prisma").exists():
            # The client of this version is WebAssembly from npm; the engine that `generate` would fetch is used by migrations only.
            env = {**os.environ, "PRISMA_SCHEMA_ENGINE_BINARY": "/bin/true"}
            run(["npx", "prisma", "generate"], cwd=copy, env=env, what="prisma generate")


def start_database(state: State) -> str:
    """A new PostgreSQL with the shop's rows; its URL."""
    binaries, owner = cluster.find_binaries(), cluster.find_owner()
    data = cluster.data_folder(state, "shop", owner)
    cluster.stop(state)
    cluster.make(binaries, data, owner)
    (port,) = free_ports(1)
    command = [binaries / "postgres", "-D", data, "-p", port, "-k", data]
    for key in ("listen_addresses", "fsync", "full_page_writes", "max_wal_size"):
        command += ["-c", f"{key}={cluster.SETTINGS[key]}"]
    state.spawn("postgres", cluster.as_owner(owner, command), env=cluster.plain_env(), cwd=Path("/"))
    wait_for_port(port, "PostgreSQL", state, "postgres")
    cluster.wait_until_ready(binaries, port, state)
    there = ["-h", "127.0.0.1", "-p", port, "-U", "postgres"]
    with step("load the rows"):
        run([binaries / "createdb", *there, DATABASE], what="createdb")
        run([binaries / "psql", *there, "-q", "-v", "ON_ERROR_STOP=1", "-f", HERE / "data.sql", DATABASE], what="psql")
    return f"127.0.0.1:{port}/{DATABASE}"


def restore_rows(database: str) -> None:
    """Takes out what other stacks placed, so that each sees the same newest orders."""
    gone = f"DELETE FROM items WHERE order_id > {ORDERS}; DELETE FROM orders WHERE id > {ORDERS}; TRUNCATE contacts"
    url = f"postgres://postgres@{database}"
    run([cluster.find_binaries() / "psql", "-q", "-c", gone, url], what="psql")


def record(state: State, stack: str, database: str, exporter: str) -> None:
    """Starts one application, asks it, and writes what it sent."""
    restore_rows(database)
    app_port, outside_port, recorder_port = free_ports(3)
    raw = state.folder / f"recorded-{stack}-{exporter}.bin"
    raw.unlink(missing_ok=True)
    state.spawn("recorder", [state.python, ROOT / "ground" / "receive.py", recorder_port, raw])
    state.spawn("outside", [state.python, HERE / "outside.py", outside_port])
    env = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PORT": str(app_port),
        "OUTSIDE_URL": f"http://127.0.0.1:{outside_port}",
        "OTEL_SERVICE_NAME": f"{stack}-shop",
        "OTEL_TRACES_EXPORTER": exporter,
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{recorder_port}",
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT": f"http://127.0.0.1:{recorder_port}/v1/traces",
        "OTEL_BSP_SCHEDULE_DELAY": "500",
        # The default queue of 2,048 spans drops parts of requests that run hundreds of queries.
        "OTEL_BSP_MAX_QUEUE_SIZE": "65536",
        # The machine's name and processes are nobody's business.
        "OTEL_NODE_RESOURCE_DETECTORS": "env",
    }
    command, cwd, more = STACKS[stack](state, app_port, database)
    with step(f"start {stack} on port {app_port}"):
        wait_for_port(recorder_port, "the recorder", state, "recorder")
        wait_for_port(outside_port, "the outside world", state, "outside")
        state.spawn("app", command, env=env | more, cwd=cwd)
        wait_for_port(app_port, stack, state, "app")
    with step(f"ask {stack}"):
        asked = ask_all(f"http://127.0.0.1:{app_port}", stack, ["orders-lines"] if exporter == "zipkin" else [])
        time.sleep(FLUSH_SECONDS)
    for name in ("app", "outside", "recorder"):
        state.end(name)
    run([state.python, HERE / "write.py", exporter, raw, OUT, stack, json.dumps(asked)], what="writing the recordings")


def ask_all(base: str, stack: str, only: list[str]) -> list:
    """Asks every endpoint that the stack has; name, begin and end of each, so that warming up is not written."""
    asked = []
    for endpoint in ENDPOINTS:
        if stack not in endpoint.stacks or (only and endpoint.name not in only):
            continue
        for n in range(WARM_UP_ASKS):
            ask(base, endpoint, n, f"warm-{stack}-{n}")
        time.sleep(0.2)
        begin = time.time_ns()
        for n in range(ASKS):
            ask(base, endpoint, n, f"{stack}-{n}")
            time.sleep(0.05)
        asked.append([endpoint.name, begin, time.time_ns()])
    return asked


def ask(base: str, endpoint: Endpoint, n: int, unique: str) -> None:
    """One request."""
    path = endpoint.path.format(
        n=4_001 + 37 * n, country=("DE", "FR", "NL", "PL")[n % 4], deep=6_500 + 40 * n, hex=f"{n:x}b{n:x}"
    )
    bodies = {"order": {"customer": 1 + n}, "emails": {"emails": [f"{k}-{unique}-{endpoint.name}@example.com" for k in range(80)]}}
    data = json.dumps(bodies[endpoint.body]).encode() if endpoint.body else None
    asked = urllib.request.Request(base + path, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=ANSWER_SECONDS_MAX) as answer:
        answer.read()


def fastapi(state: State, port: int, database: str):
    """uvicorn under the stock agent."""
    scripts = state.python.parent
    command = [scripts / "opentelemetry-instrument", scripts / "uvicorn", "app:app", "--port", port, "--log-level", "warning"]
    path = f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}"
    return command, HERE / "fastapi_shop", {"PATH": path, "DATABASE_URL": f"postgresql+psycopg://postgres@{database}"}


def express(state: State, _port: int, database: str):
    """node with the automatic instrumentation."""
    command = ["node", "--require", "@opentelemetry/auto-instrumentations-node/register", "app.js"]
    return command, state.folder / "express_shop", {"DATABASE_URL": f"postgres://postgres@{database}"}


def prisma(state: State, _port: int, database: str):
    """node with the automatic instrumentation and Prisma's."""
    command = ["node", "--require", "./instrumentation.js", "app.js"]
    return command, state.folder / "prisma_shop", {"DATABASE_URL": f"postgres://postgres@{database}"}


STACKS = {"fastapi": fastapi, "express": express, "prisma": prisma}


if __name__ == "__main__":
    if len(sys.argv) < 2 or any(stack not in STACKS for stack in sys.argv[2:]):
        sys.exit(f"usage: record.py STATE_DIR [{'|'.join(STACKS)} ...]")
    try:
        main(Path(sys.argv[1]), sys.argv[2:])
    except GroundError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(3)
