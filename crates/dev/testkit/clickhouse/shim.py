"""ClickHouse's HTTP interface over chDB, which is ClickHouse in the process: for tests, on loopback alone.

    shim.py FOLDER PORT USER PASSWORD

Keeps what it holds in FOLDER, over kill -9 too. Prints the port once it listens (PORT may be 0), and ends when its
standard input does: so it never outlives its test. Speaks of the interface what Taut uses: statements in the body or
in `query`, rows to insert after them, settings in the address, user and key in headers, errors with their number, a
summary of what was read and written. One statement runs at a time.

A `slow` file in FOLDER, with a number of seconds in it, holds inserts up right before they are acknowledged, and a
`holding` file says that one is: what a test needs to kill a server between the two. A `denied` file holds the begin of statements that the user
has no right to, on a line each, and a `version` file what the server says that it is.
"""

import gzip
import json
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb.session import Session

FOLDER, PORT, USER, PASSWORD = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
os.makedirs(FOLDER, exist_ok=True)
DATA = os.path.join(FOLDER, "data")
CONFIG = os.path.join(FOLDER, "config.xml")
with open(CONFIG, "w", encoding="utf-8") as config:
    # A cluster of this process alone, for what is spread over shards. Nobody listens on the port: by it the process
    # knows that the shard is itself. And a Keeper in memory, for what is replicated: tables are made with it, but no
    # row is taken, for a replica is active only where others can fetch parts, and chDB listens nowhere.
    config.write(
        "<clickhouse><tcp_port>9000</tcp_port><remote_servers><alone><shard><replica><host>127.0.0.1</host><port>9000</port>"
        "</replica></shard></alone></remote_servers>"
        "<zookeeper><implementation>testkeeper</implementation></zookeeper><macros><shard>1</shard><replica>one</replica></macros>"
        "<default_replica_path>/tables/{database}/{table}/{shard}</default_replica_path></clickhouse>"
    )
SESSION = Session(f"{DATA}?config-file={CONFIG}")
LOCK = threading.Lock()

INSERT = re.compile(r"^\s*(INSERT\s+INTO\b.*?)\s+FORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE | re.DOTALL)
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
QUESTION = re.compile(r"^\s*(SELECT|WITH|SHOW|DESCRIBE|EXISTS|EXPLAIN)\b", re.IGNORECASE)
CODE = re.compile(r"Code: (\d+)")
# A cluster of one does at once what `ON CLUSTER` spreads; chDB has no queue for it.
ON_CLUSTER = re.compile(r"\sON CLUSTER `alone`")
# Parts of the interface itself; all else in the address is a setting of the statement.
NOT_SETTINGS = {"query", "database", "default_format", "wait_end_of_query", "buffer_size"}
STATUS = {"516": 403, "60": 404, "81": 404, "62": 400, "47": 400, "6": 400, "27": 400}


def settings_of(address):
    settings = [(name, value) for name, value in address.items() if name not in NOT_SETTINGS]
    # Read-only as far as to let others be set beside it; what EXPLAIN shows of a statement are that statement's own.
    settings = [one for one in settings if one != ("readonly", "2")]
    quoted = [(name, value.replace("\\", "\\\\").replace("'", "\\'")) for name, value in settings]
    return ", ".join(f"{name} = '{value}'" for name, value in quoted)


def lines(name):
    path = os.path.join(FOLDER, name)
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def insert(statement, form, settings, rows):
    target = f"{statement} SETTINGS {settings}" if settings else statement
    with SESSION.send_insert(target, form) as writer:
        writer.append(rows)
        done = writer.finish()
    slow = os.path.join(FOLDER, "slow")
    if os.path.exists(slow):
        with open(slow, encoding="utf-8") as seconds:
            wait = float(seconds.read())
        with open(os.path.join(FOLDER, "holding"), "w", encoding="utf-8"):
            pass
        time.sleep(wait)
    return done.rows_written


class Handler(BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", 1 << 16

    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header("X-ClickHouse-" + name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def fail(self, code, said):
        self.answer(STATUS.get(code, 500), f"{said}\n".encode(), Exception_Code=code)

    def sent(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while length := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(length))
                self.rfile.readline()
            self.rfile.readline()
            body = b"".join(parts)
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def do_GET(self):
        self.answer(200, b"Ok.\n")

    def do_POST(self):
        body = self.sent()
        address = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        who = (self.headers.get("X-ClickHouse-User", "default"), self.headers.get("X-ClickHouse-Key", ""))
        if who != (USER, PASSWORD):
            self.fail("516", f"Code: 516. DB::Exception: {who[0]}: Authentication failed. (AUTHENTICATION_FAILED)")
            return
        try:
            self.run_statement(address, body)
        except BrokenPipeError:
            pass
        except Exception as error:  # whatever the engine says goes to who asked
            said = str(error)
            code = CODE.search(said)
            self.fail(code[1] if code else "1002", said)

    def run_statement(self, address, body):
        settings = settings_of(address)
        query = ON_CLUSTER.sub("", address.get("query", ""))
        said = query or body.decode()
        if any(said.startswith(denied) for denied in lines("denied")):
            self.fail("497", f"Code: 497. DB::Exception: {USER}: Not enough privileges. (ACCESS_DENIED)")
            return
        if said.startswith("SELECT version()") and (version := lines("version")):
            self.answer(200, bytes([len(version[0])]) + version[0].encode())
            return
        with LOCK:
            if matched := INSERT.match(query):
                written = insert(matched[1], matched[2], settings, body)
                self.answer(200, b"", Summary=json.dumps({"written_rows": str(written)}))
                return
            text = ON_CLUSTER.sub("", body.decode()) if not query else f"{query}\n{body.decode()}"
            form = "TabSeparated"
            if matched := FORMAT.search(text):
                form, text = matched[1], text[: matched.start()]
            if database := address.get("database"):
                SESSION.query(f"USE `{database}`")
            if settings and QUESTION.match(text) and not text.startswith("EXPLAIN"):
                text += f"\nSETTINGS {settings}"
            try:
                result = SESSION.query(text, form)
            except Exception:
                # The engine gives what a failed statement had written with the next one's answer.
                SESSION.query("SELECT 1")
                raise
            said = result.bytes() or b""
            read = json.dumps({"read_rows": str(result.rows_read())})
        self.answer(200, said, Summary=read, Format=form)


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
threading.Thread(target=end_with_parent, daemon=True).start()
print(server.server_address[1], flush=True)
server.serve_forever()
