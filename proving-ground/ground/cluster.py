"""A PostgreSQL of our own: made, started and loaded once per scale, then used again.

PostgreSQL refuses to run as root. For root it runs as the user `postgres` (Debian's package makes it), else as `nobody`;
where that user cannot reach the state folder the data goes below /var/tmp, and a line says so.
"""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .steps import ROOT, GroundError, State, free_ports, run, step, wait_for_port

DATABASE = "proving_ground"
DATA_AGE_SECONDS_MAX = 3 * 86_400  # trending looks at the last week: older rows would fall out of it
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "512MB",
    "max_connections": "100",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    # The rows can be made again: nothing is lost that a crash could take.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_preload_libraries": "pg_stat_statements",
}


# Counts from here on; what Taut asks of the planner is asked of made-up indexes, where they can be had.
READY = """
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hypopg') THEN
        CREATE EXTENSION IF NOT EXISTS hypopg;
    END IF;
END
$$;
SELECT pg_stat_statements_reset();
"""

# What requests of an earlier run added, so that pages list the same rows in each run. What they changed stays changed.
FORGET = """
DELETE FROM application_notes WHERE created_at > to_timestamp({since});
DELETE FROM outbox WHERE created_at > to_timestamp({since});
DELETE FROM applications WHERE created_at > to_timestamp({since});
"""


def start(state: State, scale: str, port: int = 0) -> None:
    """Starts the cluster of this scale, loaded, on that port, or on any."""
    binaries = find_binaries()
    owner = find_owner()
    folder = data_folder(state, scale, owner)
    marker = state.folder / f"loaded-{scale}"
    is_up = state.runs("postgres") and state.read("cluster").get("scale") == scale and is_current(marker)
    if is_up and port in (0, state.read("ports")["postgres"]):
        return
    stop(state)
    if not is_current(marker) or not (folder / "PG_VERSION").exists():
        marker.unlink(missing_ok=True)
        make(binaries, folder, owner)
    port = port or free_ports(1)[0]
    state.write("ports", postgres=port)
    state.write("cluster", scale=scale, folder=str(folder))
    with step(f"start PostgreSQL on port {port}"):
        command = [binaries / "postgres", "-D", folder, "-p", port, "-k", folder]
        for key, value in SETTINGS.items():
            command += ["-c", f"{key}={value}"]
        state.spawn("postgres", as_owner(owner, command), env=plain_env(), cwd=Path("/"))
        wait_for_port(port, "PostgreSQL", state, "postgres")
        wait_until_ready(binaries, port, state)
    if not marker.exists():
        load(state, binaries, port, scale)
        marker.write_text(fingerprint())
    ready = FORGET.format(since=marker.stat().st_mtime) + READY
    run([binaries / "psql", *on_port(port), "-qXo", os.devnull, "-c", ready, DATABASE], what="psql")


def stop(state: State) -> None:
    """Ends the cluster at once and cleanly: clients that are left are cut off."""
    state.end("postgres", signal.SIGINT)


def find_binaries() -> Path:
    """Debian's folder of server binaries, the newest."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    raise GroundError("there is no PostgreSQL server here; hint: apt-get install postgresql")


def find_owner() -> pwd.struct_passwd | None:
    """The user that PostgreSQL runs as; None for ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise GroundError("run this as a normal user: PostgreSQL refuses root, and there is no user `postgres`")


def data_folder(state: State, scale: str, owner: pwd.struct_passwd | None) -> Path:
    """Where the cluster lies."""
    folder = state.folder / f"postgres-{scale}"
    if owner is None or all(parent.stat().st_mode & 0o001 for parent in folder.parents if parent.exists()):
        return folder
    name = hashlib.sha256(str(state.folder).encode()).hexdigest()[:8]
    outside = Path(f"/var/tmp/proving-ground-{name}") / f"postgres-{scale}"
    print(f"  user {owner.pw_name} cannot reach {state.folder}: the database lies in {outside}")
    return outside


def make(binaries: Path, folder: Path, owner: pwd.struct_passwd | None) -> None:
    """An empty cluster."""
    with step("make the database cluster"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        if owner is not None:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        command = [
            binaries / "initdb", "-D", folder, "-U", "postgres", "--auth=trust", "--encoding=UTF8",
            "--locale=C.UTF-8", "--no-sync",
        ]  # fmt: skip
        run(as_owner(owner, command), env=plain_env(), cwd=Path("/"), what="initdb", stdout=subprocess.DEVNULL)


def load(state: State, binaries: Path, port: int, scale: str) -> None:
    """Tables and rows."""
    env = database_env(port)
    run([binaries / "createdb", *on_port(port), DATABASE], what="createdb")
    with step("migrate"):
        migrate = [state.python, "manage.py", "migrate", "--verbosity", "0"]
        run(migrate, env=env, cwd=ROOT / "application", what="migrate")
    with step(f"load the rows ({scale})"):
        run([state.python, ROOT / "data" / "load.py", scale], env=env, what="loading the rows")


def on_port(port: int) -> list:
    """How PostgreSQL's programs are told where the server is."""
    return ["-h", "127.0.0.1", "-p", port, "-U", "postgres"]


def is_current(marker: Path) -> bool:
    """Whether what was loaded is what would be loaded now, and not too old."""
    if not marker.exists() or time.time() - marker.stat().st_mtime > DATA_AGE_SECONDS_MAX:
        return False
    return marker.read_text() == fingerprint()


def fingerprint() -> str:
    """Changes with the tables and with what fills them."""
    sources = [*(ROOT / "data").glob("load.*"), *(ROOT / "application").glob("*/migrations/0*.py")]
    digest = hashlib.sha256()
    for source in sorted(sources):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def wait_until_ready(binaries: Path, port: int, state: State) -> None:
    """Waits until it takes queries."""
    for _ in range(200):
        command = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
        if os.spawnv(os.P_WAIT, command[0], command) == 0:
            return
        time.sleep(0.1)
    raise GroundError(f"PostgreSQL takes no queries; end of its log:\n{state.tail('postgres')}")


def as_owner(owner: pwd.struct_passwd | None, command: list) -> list:
    """The command, run by that user; `setpriv` is part of util-linux and leaves no process in between."""
    if owner is None:
        return command
    ids = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids, *command]


def plain_env() -> dict:
    """No more than PostgreSQL needs."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def database_env(port: int) -> dict:
    """The environment with the way to the database."""
    address = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres", "PGDATABASE": DATABASE}
    return {**os.environ, **address, "PYTHONDONTWRITEBYTECODE": "1"}
