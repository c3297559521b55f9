"""The pretend outside world of the stacks: tax, shipping, loyalty, stock, a shipping desk, a webhook and mail by HTTP.

Usage: outside.py PORT. The first segment of the path is the service; latencies are drawn from a seeded generator.
"""

import json
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

BODY_BYTES_MAX = 1 << 20
# Service: least and most milliseconds until it answers.
MILLIS = {
    "tax": (80, 120), "shipping": (110, 160), "loyalty": (70, 100), "stock": (8, 15),
    "desk": (60, 90), "courier": (70, 110), "depots": (50, 80), "partner": (120, 200), "mail": (180, 300),
}  # fmt: skip

_chance = random.Random(11)
_lock = threading.Lock()


class Service(BaseHTTPRequestHandler):
    """All services behind one address."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        """Answers reads."""
        segments = urlsplit(self.path).path.strip("/").split("/")
        self.wait(segments[0])
        seed = sum(segments[-1].encode())
        # What the desk says names the parcel, what the courier says names the depot: each answer leads to the next call.
        parcel = f"JD{seed * 7_654_321 % 10**9:09}"
        self.reply(200, {"of": segments, "amount": seed % 50, "parcel": parcel, "depot": f"HUB-{seed % 97}"})

    def do_POST(self):
        """Takes anything."""
        self.rfile.read(min(int(self.headers.get("Content-Length", 0)), BODY_BYTES_MAX))
        self.wait(urlsplit(self.path).path.strip("/").split("/")[0])
        self.reply(202, {"state": "taken"})

    def wait(self, service: str) -> None:
        """As long as this service takes."""
        with _lock:
            millis = _chance.uniform(*MILLIS.get(service, (1, 2)))
        time.sleep(millis / 1000)

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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: outside.py PORT")
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Service)
    server.daemon_threads = True
    server.serve_forever()
