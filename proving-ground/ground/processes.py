"""The virtual environment, and the servers beside PostgreSQL: outside world, gunicorn, outbox."""

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass

from . import cluster
from .steps import ROOT, GroundError, State, free_ports, run, step, wait_for_port

WORKERS = 2
THREADS_PER_WORKER = 4
SERVICE = "proving-ground"
ORDER_OF_END = ("gunicorn", "outbox", "outside", "distance", "recorder")


@dataclass(frozen=True)
class Choice:
    """What `up` was asked for."""

    mode: str
    fixed: str
    faulty: str
    otlp: str
    semconv: str
    distance_millis: float = 0.0


def make_venv(state: State) -> None:
    """The virtual environment with all packages, unless it is there."""
    if sys.version_info < (3, 11):
        raise GroundError("Python 3.11 or newer is needed; hint: apt-get install python3")
    requirements = ROOT / "requirements.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    marker = state.folder / "venv" / "made"
    if marker.exists() and marker.read_text() == wanted:
        return
    with step("make the virtual environment"):
        shutil.rmtree(state.folder / "venv", ignore_errors=True)
        made = [sys.executable, "-m", "venv", state.folder / "venv"]
        run(made, what="python -m venv (hint: apt-get install python3-venv)")
    with step("install packages from PyPI"):
        pip = [state.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--only-binary", ":all:", "-r", requirements], what="pip install")
    marker.write_text(wanted)


def start(state: State, choice: Choice) -> None:
    """Everything but the database; what ran before is replaced."""
    for name in ("gunicorn", "outbox", "outside", "distance"):
        state.end(name)
    app_port, outside_port, smtp_port, distance_port = free_ports(4)
    state.write("ports", app=app_port, outside=outside_port, smtp=smtp_port)
    env = app_env(state, choice, outside_port, smtp_port)
    application = ROOT / "application"
    with step("fit the indexes to the mode"):
        run([state.python, "manage.py", "fit"], env=env, cwd=application, what="manage.py fit")
    if choice.distance_millis:
        with step(f"put the database {choice.distance_millis:g} ms away"):
            relay = [state.python, ROOT / "outside" / "distance.py", distance_port, env["PGPORT"], choice.distance_millis]
            state.spawn("distance", relay, env=env)
            wait_for_port(distance_port, "the distance", state, "distance")
        env["PGPORT"] = str(distance_port)
    with step(f"start the outside world on ports {outside_port} and {smtp_port}"):
        server = [state.python, ROOT / "outside" / "server.py", outside_port, smtp_port]
        state.spawn("outside", server, env=env)
        wait_for_port(outside_port, "the outside world", state, "outside")
        wait_for_port(smtp_port, "the mail server", state, "outside")
    with step(f"start gunicorn on port {app_port}"):
        state.spawn("outbox", [state.python, "manage.py", "outbox"], env=env, cwd=application)
        state.spawn("gunicorn", gunicorn(state, app_port), env=env, cwd=application)
        wait_for_port(app_port, "gunicorn", state, "gunicorn")
    print(f"  {choice.mode} at http://127.0.0.1:{app_port}, spans to {choice.otlp}", flush=True)


def stop(state: State) -> None:
    """Ends what was started, and nothing else."""
    with step("stop"):
        for name in ORDER_OF_END:
            state.end(name)
        cluster.stop(state)


def gunicorn(state: State, port: int) -> list:
    """The command that serves the application, as a user would have it."""
    scripts = state.python.parent
    return [
        scripts / "opentelemetry-instrument", scripts / "gunicorn", "backend.wsgi:application",
        "--bind", f"127.0.0.1:{port}", "--workers", WORKERS, "--threads", THREADS_PER_WORKER,
        "--worker-class", "gthread", "--no-control-socket",
    ]  # fmt: skip


def app_env(state: State, choice: Choice, outside_port: int, smtp_port: int) -> dict:
    """The environment of the application."""
    cache = state.folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    env = cluster.database_env(state.read("ports")["postgres"])
    env |= {
        "DJANGO_SETTINGS_MODULE": "backend.settings",
        "PROVING_GROUND": choice.mode,
        "PROVING_GROUND_FIXED": choice.fixed,
        "PROVING_GROUND_FAULTY": choice.faulty,
        "OUTSIDE_URL": f"http://127.0.0.1:{outside_port}",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port),
        "CACHE_DIR": str(cache),
        "PATH": f"{state.python.parent}{os.pathsep}{env.get('PATH', '')}",
        "OTEL_SERVICE_NAME": SERVICE,
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": choice.otlp,
        "OTEL_BSP_SCHEDULE_DELAY": "500",
        # The default queue of 2,048 spans drops parts of requests that run hundreds of queries.
        "OTEL_BSP_MAX_QUEUE_SIZE": "65536",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2048",
        # Sizes of answers are in no span unless their headers are asked for.
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE": "content-length,content-encoding",
    }
    if choice.semconv:
        env["OTEL_SEMCONV_STABILITY_OPT_IN"] = choice.semconv
    return env
