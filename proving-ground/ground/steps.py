"""The folder that holds all state, steps that tell how long they took, and processes that are remembered."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
END_SECONDS_MAX = 20


class GroundError(Exception):
    """What failed, on what, and what to do."""


class State:
    """The state folder: ports, pids, logs, the virtual environment, the database."""

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        self.logs = self.folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.python = self.folder / "venv" / "bin" / "python"

    def read(self, name: str) -> dict:
        """What was written under this name; empty if nothing was."""
        try:
            return json.loads((self.folder / f"{name}.json").read_text())
        except FileNotFoundError:
            return {}

    def write(self, name: str, **values) -> None:
        """Adds `values` to what was written under this name; None takes away."""
        merged = {key: value for key, value in {**self.read(name), **values}.items() if value is not None}
        target = self.folder / f"{name}.json"
        draft = target.with_suffix(".draft")
        draft.write_text(json.dumps(merged, indent=2, sort_keys=True) + "\n")
        draft.replace(target)

    def spawn(self, name: str, command: list, env: dict | None = None, cwd: Path | None = None) -> None:
        """Starts a process that outlives this one; its output goes to logs/NAME.log."""
        with open(self.logs / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                [str(part) for part in command], env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.write("pids", **{name: [process.pid, started_at(process.pid)]})

    def runs(self, name: str) -> bool:
        """Whether the process of this name is still the one that was started."""
        pid, start = self.read("pids").get(name, (0, None))
        return start is not None and started_at(pid) == start

    def end(self, name: str, politely: signal.Signals = signal.SIGTERM) -> None:
        """Ends the process of this name if it is still the one that was started."""
        entry = self.read("pids").get(name)
        if entry is None:
            return
        pid, start = entry
        waits_until = time.monotonic() + END_SECONDS_MAX
        if start is not None and started_at(pid) == start:
            os.kill(pid, politely)
            while started_at(pid) == start:
                if time.monotonic() > waits_until:
                    os.kill(pid, signal.SIGKILL)
                reap(pid)
                time.sleep(0.05)
        self.write("pids", **{name: None})

    def tail(self, name: str, lines: int = 12) -> str:
        """The end of a log."""
        path = self.logs / f"{name}.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def started_at(pid: int) -> str | None:
    """When a process started, as the kernel counts; None if there is none. Pids are used again, pairs are not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]


def reap(pid: int) -> None:
    """Takes note of the end of a child, if it is one."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Prints what is done and, at its end, how long it took."""
    print(f"  {what} ...", flush=True)
    started = time.monotonic()
    yield
    print(f"  {what}: {time.monotonic() - started:.1f} s", flush=True)


def run(command: list, *, env: dict | None = None, cwd: Path | None = None, what: str, **more) -> None:
    """Runs to the end, its output shown."""
    result = subprocess.run([str(part) for part in command], env=env, cwd=cwd, **more)
    if result.returncode != 0:
        raise GroundError(f"{what} failed with exit code {result.returncode}")


def free_ports(count: int) -> list[int]:
    """Free ports of loopback, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for_port(port: int, what: str, state: State, log: str, seconds_max: float = 60) -> None:
    """Waits until something listens."""
    waits_until = time.monotonic() + seconds_max
    while time.monotonic() < waits_until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise GroundError(f"{what} does not listen on port {port}; end of its log:\n{state.tail(log)}")
