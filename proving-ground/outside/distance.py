"""The database, further away: a relay that lets everything that clients say arrive later by a fixed time.

    distance.py PORT SERVER_PORT MILLISECONDS

Only the way to the server is late, by the whole of it: a round trip takes as long as over a network with that round trip, and what
is sent in several pieces is late once. Standard library only.
"""

import contextlib
import socket
import sys
import threading
import time
from collections import deque

PIECE_BYTES_MAX = 1 << 16


def main() -> None:
    """Relays until it is ended."""
    port, server_port, millis = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", server_port))
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for work in ((client, server, millis / 1000), (server, client, 0.0)):
                threading.Thread(target=relay, args=work, daemon=True).start()


def relay(source: socket.socket, target: socket.socket, seconds: float) -> None:
    """One direction of a connection."""
    if seconds == 0:
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE_BYTES_MAX):
                target.sendall(piece)
    else:
        late(source, target, seconds)
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def late(source: socket.socket, target: socket.socket, seconds: float) -> None:
    """The same, each piece by so long after it came; the next one is read meanwhile."""
    waiting: deque[tuple[float, bytes]] = deque()
    has_some = threading.Condition()

    def send() -> None:
        while True:
            with has_some:
                has_some.wait_for(lambda: waiting)
                due, piece = waiting.popleft()
            if not piece:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            with contextlib.suppress(OSError):
                target.sendall(piece)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    piece = b"-"
    while piece:
        try:
            piece = source.recv(PIECE_BYTES_MAX)
        except OSError:
            piece = b""
        with has_some:
            waiting.append((time.monotonic() + seconds, piece))
            has_some.notify()
    sender.join()


if __name__ == "__main__":
    main()
