"""The pretend outside world: HR systems, stock, tax, shipping, loyalty, a courier that fails, a CRM; and mail.

Latencies are what such services have (README.md tells them), drawn from a seeded generator. Usage: server.py HTTP_PORT SMTP_PORT
"""

import asyncio
import json
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller

BODY_BYTES_MAX = 1 << 20
COURIER_FAILURE_RATE = 0.75

_chance = random.Random(7)
_lock = threading.Lock()


def between(low: float, high: float) -> float:
    """A number between both."""
    with _lock:
        return _chance.uniform(low, high)


class Service(BaseHTTPRequestHandler):
    """All services behind one address, told apart by the first segment of the path."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        """Answers reads."""
        url = urlsplit(self.path)
        segments = url.path.strip("/").split("/")
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        answer = READS.get(segments[0])
        if answer is None:
            self.reply(404, {"error": "no such service"})
        else:
            self.reply(*answer(segments[1:], query))

    def do_POST(self):
        """Takes records of the HR systems."""
        length = min(int(self.headers.get("Content-Length", 0)), BODY_BYTES_MAX)
        self.rfile.read(length)
        if self.path.startswith("/hr/"):
            time.sleep(between(0.3, 0.7))
            self.reply(201, {"state": "entered"})
        else:
            self.reply(404, {"error": "no such service"})

    def reply(self, status: int, payload: dict) -> None:
        """Sends JSON."""
        body = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args):
        """Says nothing."""


def stock(segments, query):
    """GET /stock/SKU, or /stock?skus=A,B."""
    time.sleep(between(0.005, 0.015))
    if segments:
        return 200, level(segments[0])
    return 200, {sku: level(sku) for sku in query.get("skus", "").split(",")[:500]}


def level(sku: str) -> dict:
    """How many there are of it."""
    return {"in_stock": sum(sku.encode()) % 40, "warehouse": "north"}


def priced(key: str, low: float, high: float):
    """A service that answers one figure by country after a while."""

    def answer(_segments, query):
        time.sleep(between(low, high))
        return 200, {key: sum(query.get("country", "DE").encode())}

    return answer


def courier(segments, _query):
    """GET /courier/parcels/N: overloaded, it fails three times out of four."""
    time.sleep(between(0.02, 0.05))
    if between(0, 1) < COURIER_FAILURE_RATE:
        return 503, {"error": "overloaded"}
    return 200, {"parcel": int(segments[-1]), "state": "on its way"}


def crm(segments, query):
    """GET /crm/customers/N and what hangs on it; ?include=all answers it at once."""
    time.sleep(between(0.008, 0.02))
    record = {"address_ids": [1, 2, 3, 4], "contact_ids": [5, 6, 7, 8, 9], "ticket_ids": [10, 11, 12, 13, 14, 15]}
    if segments[0] == "customers" and len(segments) == 2:
        if query.get("include") == "all":
            time.sleep(between(0.01, 0.02))
            record.update(consents={}, segments={}, addresses=[], contacts=[], tickets=[])
        return 200, {"customer": segments[1], **record}
    return 200, {"of": segments}


READS = {
    "stock": stock,
    "tax": priced("tax_cents", 0.09, 0.15),
    "shipping": priced("shipping_cents", 0.14, 0.22),
    "loyalty": priced("points", 0.08, 0.12),
    "courier": courier,
    "crm": crm,
}


class Mailbox:
    """Takes each mail after the time that a mail service takes, and forgets it."""

    async def handle_DATA(self, _server, _session, _envelope):
        """One mail."""
        await asyncio.sleep(between(0.2, 0.5))
        return "250 taken"


def main(http_port: int, smtp_port: int) -> None:
    """Serves until it is ended."""
    Controller(Mailbox(), hostname="127.0.0.1", port=smtp_port).start()
    server = ThreadingHTTPServer(("127.0.0.1", http_port), Service)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: server.py HTTP_PORT SMTP_PORT")
    main(int(sys.argv[1]), int(sys.argv[2]))
