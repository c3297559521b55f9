"""A receiver of OTLP over HTTP that keeps the bodies as they came, each after its length (8 bytes, big-endian).

Usage: receive.py PORT FILE
"""

import gzip
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY_BYTES_MAX = 64 << 20
_lock = threading.Lock()


class Receiver(BaseHTTPRequestHandler):
    """POST /v1/traces."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Keeps one body."""
        body = self.body()
        if body is None:
            self.close_connection = True
            self.send_error(413)
            return
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path == "/v1/traces":
            with _lock, open(sys.argv[2], "ab") as kept:
                kept.write(len(body).to_bytes(8, "big") + body)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def body(self):
        """The body, sent with its length or, as Node does, in chunks; None if it is too long."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = int(self.headers.get("Content-Length", 0))
            return self.rfile.read(length) if length <= BODY_BYTES_MAX else None
        body = b""
        while length := int(self.rfile.readline().partition(b";")[0], 16):
            if len(body) + length > BODY_BYTES_MAX:
                return None
            body += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_args):
        """Says nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
