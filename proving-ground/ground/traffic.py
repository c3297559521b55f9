"""Traffic: what clients ask for and how often, the same for the same seed.

Each client draws its requests from a generator of its own and thinks between them; answers do not change what is asked
for next, except that the archive's next page is where the answer says (by cursor or by number).
"""

import hashlib
import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .steps import GroundError

THINK_SECONDS_MEAN = 0.08
THINK_SECONDS_MAX = 0.3
PROGRESS_SECONDS = 5
ANSWER_SECONDS_MAX = 60


@dataclass(frozen=True)
class Ask:
    """One request."""

    method: str
    path: str
    body: dict | None = None


@dataclass
class Archive:
    """How pages of the archive are reached; learnt from its first answer."""

    next_path: str = "/api/posts/archive/"
    by_number: bool = True
    pages: int = 1

    def learn(self, answer: dict) -> None:
        """Pages by number have a count; pages by cursor only a link."""
        self.by_number = "count" in answer
        self.pages = answer.get("count", 0) // 20
        link = urlsplit(answer.get("next") or "")
        if not self.by_number and link.path:
            self.next_path = f"{link.path}?{link.query}"


@dataclass
class Client:
    """One client with its chance and its memory."""

    chance: random.Random
    archive: Archive = field(default_factory=Archive)


def orders(client: Client) -> Ask:
    """Half of them the latest of all, half those of one customer, who has a few or many."""
    if client.chance.random() < 0.5:
        return Ask("GET", "/api/orders/")
    return Ask("GET", f"/api/orders/?customer={1 + int(2000 * client.chance.random())}")


def archive(client: Client) -> Ask:
    """By number: first pages and, as crawlers do, deep ones."""
    if client.archive.by_number and client.archive.next_path == "/api/posts/archive/":
        deep = client.archive.pages > 100 and client.chance.random() < 0.7
        first, last = (client.archive.pages // 5, client.archive.pages) if deep else (1, 5)
        page = client.chance.randint(first, last)
        return Ask("GET", f"/api/posts/archive/?page={page}")
    return Ask("GET", client.archive.next_path)


def webhook(client: Client) -> Ask:
    """The same few applicants, most of the time."""
    number = client.chance.randint(1, 20) * 14_000 if client.chance.random() < 0.9 else client.chance.randint(1, 300_000)
    external_id = "ats-" + hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()
    return Ask("POST", "/api/webhooks/ats/", {"external_id": external_id, "stage": "screening"})


def submit(client: Client) -> Ask:
    """Somebody applies."""
    body = {"candidate": client.chance.randint(1, 5_000), "job": client.chance.randint(1, 1_000)}
    return Ask("POST", "/api/applications/submit/", body)


def note(client: Client) -> Ask:
    """A recruiter writes."""
    return Ask("POST", "/api/notes/", {"application": client.chance.randint(1, 5_000), "text": "Called back."})


def fixed_path(path: str) -> Callable[[Client], Ask]:
    """Always this path."""
    return lambda client: Ask("GET", path)


def one_of(form: str, keys: list) -> Callable[[Client], Ask]:
    """This path with one of the keys in it."""
    return lambda client: Ask("GET", form.format(client.chance.choice(keys)))


def numbered(form: str, most: int) -> Callable[[Client], Ask]:
    """This path with a number in it."""
    return lambda client: Ask("GET", form.format(client.chance.randint(1, most)))


CATEGORIES = ["books", "garden", "kitchen", "music", "office", "outdoor", "sports", "tools", "toys", "travel"]

# Name, share of the traffic, what is asked. The report is not in it: nobody calls it.
MIX: list[tuple[str, int, Callable[[Client], Ask]]] = [
    ("health", 4, fixed_path("/healthz")),
    ("orders", 10, orders),
    ("order-detail", 12, numbered("/api/orders/{}/", 10_000)),
    ("invoice", 5, numbered("/api/orders/{}/invoice/", 10_000)),
    ("tracking", 5, numbered("/api/orders/{}/tracking/", 10_000)),
    ("orders-search", 6, lambda client: Ask("GET", f"/api/orders/search/?reference=R{client.chance.randint(1, 10_000) * 7919 % 1_000_000:06}")),
    ("product-detail", 12, numbered("/api/products/{}/", 500)),
    ("facets", 6, one_of("/api/products/facets/?lang={}", ["en", "en", "en", "de", "fr"])),
    ("stock", 4, one_of("/api/stock/?category={}", CATEGORIES)),
    ("checkout-quote", 5, one_of("/api/checkout/quote/?country={}", ["DE", "FR", "PL", "ES"])),
    ("customers-overview", 3, numbered("/api/customers/{}/overview/", 2_000)),
    ("dashboard", 8, fixed_path("/dashboard/")),
    ("posts", 8, fixed_path("/api/posts/")),
    ("archive", 4, archive),
    ("trending", 4, fixed_path("/api/trending/")),
    ("articles", 3, fixed_path("/api/articles/")),
    ("jobs", 6, fixed_path("/api/jobs/")),
    ("notes", 4, note),
    ("applications-submit", 2, submit),
    ("webhooks", 12, webhook),
]  # fmt: skip
NAMES = [name for name, _, _ in MIX]


# One path stands for these: the latest orders of all, what nobody calls, and a file of 122 KB.
ALONE = {
    "orders": "/api/orders/",
    "report": "/api/reports/monthly/",
    "assets": "/static/rest_framework/css/bootstrap.min.css",
}


def asks(name: str, count: int) -> list[Ask]:
    """What is asked of an endpoint, each request once: the same each time."""
    if name in ALONE:
        return [Ask("GET", ALONE[name])]
    ask = next((ask for known, _, ask in MIX if known == name), None)
    if ask is None:
        raise GroundError(f"unknown endpoint: {name}; known are: {', '.join([*NAMES, *ALONE])}")
    client = Client(random.Random(name))
    client.archive.pages = 12_000  # as many as there are at the smaller scale: deep
    return list({json.dumps([one.method, one.path, one.body]): one for one in (ask(client) for _ in range(count))}.values())


@dataclass
class Tally:
    """What was sent and what came back, over all clients."""

    requests: Counter = field(default_factory=Counter)
    seconds: Counter = field(default_factory=Counter)
    statuses: Counter = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, status: int, seconds: float) -> None:
        """One request."""
        with self.lock:
            self.requests[name] += 1
            self.seconds[name] += seconds
            self.statuses[status] += 1

    def line(self) -> str:
        """How far it is."""
        with self.lock:
            told = ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(self.statuses.items()))
            return f"{self.requests.total()} requests ({told})"


def drive(base: str, seconds: float, seed: int, clients: int, requests_max: int, only: list[str]) -> Tally:
    """Sends traffic for so long or so many requests, whichever ends first."""
    mix = [entry for entry in MIX if not only or entry[0] in only]
    unknown = set(only) - set(NAMES)
    if unknown:
        raise GroundError(f"unknown endpoints: {', '.join(sorted(unknown))}; known are: {', '.join(NAMES)}")
    tally = Tally()
    ends_at = time.monotonic() + seconds
    budget = threading.Semaphore(requests_max)
    started = time.monotonic()
    threads = [
        threading.Thread(target=be_client, args=(base, mix, seed * 1_000 + n, n, clients, ends_at, budget, tally))
        for n in range(clients)
    ]
    for thread in threads:
        thread.start()
    told_at = started
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.1)
        if time.monotonic() - told_at >= PROGRESS_SECONDS:
            told_at = time.monotonic()
            print(f"  {told_at - started:4.0f} s: {tally.line()}", flush=True)
    print(f"  traffic: {tally.line()}, {time.monotonic() - started:.1f} s", flush=True)
    for name, count in sorted(tally.requests.items()):
        print(f"    {name:<22} {count:>6} x {1000 * tally.seconds[name] / count:8.1f} ms mean", flush=True)
    return tally


def be_client(base, mix, seed, number, clients, ends_at, budget, tally) -> None:
    """First its part of one round through all endpoints, then the mix."""
    client = Client(random.Random(seed))
    address = urlsplit(base)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=ANSWER_SECONDS_MAX)
    first_round = mix[number::clients]
    weights = [weight for _, weight, _ in mix]
    while time.monotonic() < ends_at and budget.acquire(blocking=False):
        entry = first_round.pop(0) if first_round else client.chance.choices(mix, weights)[0]
        ask = entry[2](client)
        asked = time.monotonic()
        status, answer = send(connection, ask)
        tally.add(entry[0], status, time.monotonic() - asked)
        if entry[0] == "archive" and status == 200:
            client.archive.learn(json.loads(answer))
        time.sleep(min(client.chance.expovariate(1 / THINK_SECONDS_MEAN), THINK_SECONDS_MAX))
    connection.close()


def send(connection: http.client.HTTPConnection, ask: Ask) -> tuple[int, bytes]:
    """Status and body of the answer; status 0 if there was none."""
    body = None if ask.body is None else json.dumps(ask.body)
    headers = {} if body is None else {"Content-Type": "application/json"}
    try:
        connection.request(ask.method, ask.path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0, b""
