#!/usr/bin/env python3
"""The proving ground's one entry point: sets up, starts, drives, records and stops a real, slow Django application.

Standard library only, since it runs before the virtual environment exists. `run.py --help` lists the commands.
"""

import argparse
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from ground import cluster, processes, recorder, traffic  # noqa: E402
from ground.steps import GroundError, State  # noqa: E402


def main() -> int:
    """Runs one command; its exit code: 0 done, 2 wrong use, 3 the world failed."""
    given = parse()
    try:
        COMMANDS[given.command](given)
    except GroundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130
    return 0


def parse() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)

    setup = commands.add_parser("setup", help="make the virtual environment (pip, PyPI)")
    up = commands.add_parser("up", help="start PostgreSQL, the outside world and gunicorn")
    down = commands.add_parser("down", help="stop what `up` started")
    record = commands.add_parser("record", help="write the recordings, faulty and fixed")
    for command in (setup, up, down, record):
        command.add_argument("--state", type=Path, required=True, help="folder for all that is made")
    for command in (up, record):
        command.add_argument("--scale", choices=("small", "full"), default="full")
    up.add_argument("--mode", choices=("faulty", "fixed"), default="faulty")
    up.add_argument("--fixed", default="", metavar="NAMES", help="endpoints that are fixed whatever the mode")
    up.add_argument("--faulty", default="", metavar="NAMES", help="endpoints that are faulty whatever the mode")
    up.add_argument("--otlp", required=True, metavar="URL", help="where spans go, such as http://127.0.0.1:4318")
    up.add_argument("--postgres-port", type=int, default=0, metavar="N", help="where its database listens; any by default")
    up.add_argument("--semconv", default="", metavar="WHICH", help="OTEL_SEMCONV_STABILITY_OPT_IN, such as http,database")
    up.add_argument("--distance", type=float, default=0.0, metavar="MS", help="pretend that the database is so far away, there and back")
    record.add_argument("--out", type=Path, default=Path(__file__).parent / "recordings")

    drive = commands.add_parser("drive", help="send traffic")
    drive.add_argument("--base", required=True, metavar="URL", help="such as http://127.0.0.1:8000")
    drive.add_argument("--seconds", type=float, default=60.0)
    drive.add_argument("--seed", type=int, default=1)
    drive.add_argument("--clients", type=int, default=3)
    drive.add_argument("--requests-max", type=int, default=20_000)
    drive.add_argument("--only", default="", metavar="NAMES", help="these endpoints only")

    asks = commands.add_parser("asks", help="print requests of an endpoint as JSON lines, the same each time")
    asks.add_argument("--of", required=True, metavar="NAME")
    asks.add_argument("--count", type=int, default=20)
    return parser.parse_args()


def setup(given: argparse.Namespace) -> None:
    """The virtual environment."""
    processes.make_venv(State(given.state))


def up(given: argparse.Namespace) -> None:
    """All servers."""
    state = State(given.state)
    choice = processes.Choice(given.mode, given.fixed, given.faulty, given.otlp, given.semconv, given.distance)
    processes.make_venv(state)
    cluster.start(state, given.scale, given.postgres_port)
    processes.start(state, choice)


def down(given: argparse.Namespace) -> None:
    """None of them."""
    processes.stop(State(given.state))


def drive(given: argparse.Namespace) -> None:
    """Traffic."""
    only = [name for name in given.only.split(",") if name]
    tally = traffic.drive(given.base, given.seconds, given.seed, given.clients, given.requests_max, only)
    if not any(tally.statuses.keys() - {0}):
        raise GroundError(f"nothing answers at {given.base}; hint: run.py up, and `app` in ports.json")


def asks(given: argparse.Namespace) -> None:
    """Requests."""
    for ask in traffic.asks(given.of, given.count):
        print(json.dumps({"method": ask.method, "path": ask.path, "body": ask.body}))


def record(given: argparse.Namespace) -> None:
    """The recordings."""
    recorder.record(State(given.state), given.scale, given.out)


COMMANDS = {"setup": setup, "up": up, "down": down, "drive": drive, "record": record, "asks": asks}

if __name__ == "__main__":
    sys.exit(main())
