"""Fills the database: tables as `manage.py migrate` has made them, rows from load.sql.

Foreign keys and secondary indexes are taken away first and put back at the end, and two connections share the
work: that is three times as fast as inserting into tables with all of them. Usage: load.py small|full
"""

import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

SIZES = {
    "small": {
        "customers": 2_000, "products": 500, "orders": 10_000, "candidates": 5_000,
        "applicants": 300_000, "posts": 300_000, "likes": 400_000, "comments": 20_000, "articles": 60,
    },
    "full": {
        "customers": 20_000, "products": 5_000, "orders": 100_000, "candidates": 50_000,
        "applicants": 3_000_000, "posts": 2_500_000, "likes": 2_000_000, "comments": 200_000, "articles": 400,
    },
}  # fmt: skip
SECTION = re.compile(r"^-- section: (\w+), lane (\d)$", re.MULTILINE)

# A number in [0, 1) that depends on the row and on what it is for, and on nothing else.
CHANCE = """
CREATE OR REPLACE FUNCTION chance(row_number bigint, purpose bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT (hashint8extended(row_number, purpose) & 1073741823) / 1073741824.0::double precision'
"""

FOREIGN_KEYS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY conname
"""
INDEXES = """
SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace AND i.indrelid::regclass::text = ANY(%s)
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid) ORDER BY pg_relation_size(i.indrelid) DESC, c.relname
"""


def main(scale: str) -> None:
    """Loads everything."""
    sections = read_sections(SIZES[scale])
    tables = [table for table, _, _ in sections]
    with connect() as connection:
        connection.execute(CHANCE)
        foreign_keys = connection.execute(FOREIGN_KEYS).fetchall()
        indexes = connection.execute(INDEXES, [tables]).fetchall()
        for table, name, _ in foreign_keys:
            connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for name, _ in indexes:
            connection.execute(f'DROP INDEX "{name}"')
        connection.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
    lanes = [[(t, s) for t, lane, s in sections if lane == wanted] for wanted in ("1", "2")]
    in_two_lanes(lanes)
    build = [(name, f"{definition}") for name, definition in indexes]
    in_two_lanes([build[0::2], build[1::2]])
    with connect() as connection:
        for table, name, definition in foreign_keys:
            # Not validated: the rows above cannot point to nothing, and checking takes as long as loading.
            connection.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition} NOT VALID')
        for table in tables:
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
            )
    in_two_lanes([[("vacuum " + t, f"VACUUM ANALYZE {t}") for t in tables[lane::2]] for lane in (0, 1)])


def read_sections(sizes: dict[str, int]) -> list[tuple[str, str, str]]:
    """Table, lane and statement of each section of load.sql."""
    parts = SECTION.split((Path(__file__).parent / "load.sql").read_text())[1:]
    return [
        (parts[at], parts[at + 1], parts[at + 2].format(**sizes)) for at in range(0, len(parts), 3)
    ]


def in_two_lanes(lanes: list[list[tuple[str, str]]]) -> None:
    """Runs each lane's statements in order, the lanes side by side."""
    with ThreadPoolExecutor(len(lanes)) as pool:
        for _ in pool.map(run_lane, lanes):
            pass


def run_lane(steps: list[tuple[str, str]]) -> None:
    """Runs statements in order and tells those that took a while."""
    with connect() as connection:
        connection.execute("SET maintenance_work_mem = '256MB'")
        for name, statement in steps:
            started = time.monotonic()
            connection.execute(statement)
            seconds = time.monotonic() - started
            if seconds > 0.5:
                print(f"    {name:<40} {seconds:6.1f} s", flush=True)


def connect() -> psycopg.Connection:
    """A connection as the environment (PGHOST, PGPORT ...) says; each statement by itself."""
    return psycopg.connect(autocommit=True)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in SIZES:
        sys.exit("usage: load.py small|full")
    main(sys.argv[1])
