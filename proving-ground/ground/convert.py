"""Turns what receive.py kept into OTLP JSON lines: a line per trace, a gzip'd file per endpoint.

Usage: convert.py FILE OUT MODE
"""

import base64
import gzip
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SERVER = "SPAN_KIND_SERVER"
KINDS = {"SPAN_KIND_UNSPECIFIED": 0, "SPAN_KIND_INTERNAL": 1, SERVER: 2, "SPAN_KIND_CLIENT": 3,
         "SPAN_KIND_PRODUCER": 4, "SPAN_KIND_CONSUMER": 5}  # fmt: skip
STATUSES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
# Path of a request -> name of its endpoint, as in traffic.MIX.
PATHS = [
    ("health", r"/healthz"), ("orders", r"/api/orders/"), ("order-detail", r"/api/orders/\d+/"),
    ("invoice", r"/api/orders/\d+/invoice/"), ("tracking", r"/api/orders/\d+/tracking/"),
    ("orders-search", r"/api/orders/search/"), ("product-detail", r"/api/products/\d+/"),
    ("facets", r"/api/products/facets/"), ("stock", r"/api/stock/"), ("checkout-quote", r"/api/checkout/quote/"),
    ("customers-overview", r"/api/customers/\d+/overview/"), ("dashboard", r"/dashboard/"), ("posts", r"/api/posts/"),
    ("archive", r"/api/posts/archive/"), ("trending", r"/api/trending/"), ("articles", r"/api/articles/"),
    ("jobs", r"/api/jobs/"), ("notes", r"/api/notes/"), ("applications-submit", r"/api/applications/submit/"),
    ("webhooks", r"/api/webhooks/ats/"), ("report", r"/api/reports/monthly/"),
]  # fmt: skip


def main(raw: Path, out: Path, mode: str) -> None:
    """Writes one file per endpoint."""
    traces = defaultdict(list)
    for resource, scope, span in spans(raw.read_bytes()):
        traces[span["traceId"]].append((resource, scope, span))
    files = defaultdict(list)
    for members in traces.values():
        files[endpoint(members)].append(members)
    for name, found in sorted(files.items()):
        found.sort(key=lambda members: min(int(span["startTimeUnixNano"]) for _, _, span in members))
        lines = [json.dumps(request(members), separators=(",", ":")) for members in found]
        target = out / f"{mode}-{name}.otlp.jsonl.gz"
        with gzip.GzipFile(target, "wb", compresslevel=9, mtime=0) as file:
            file.write(("\n".join(lines) + "\n").encode())
        count = sum(len(members) for members in found)
        print(f"    {target.name:<48} {len(found):>4} traces {count:>6} spans {target.stat().st_size:>8} bytes")


def spans(raw: bytes):
    """Resource, scope and span of each span, as OTLP JSON spells them."""
    at = 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 8], "big")
        body = ExportTraceServiceRequest.FromString(raw[at + 8 : at + 8 + length])
        at += 8 + length
        for group in MessageToDict(body).get("resourceSpans", []):
            for scoped in group.get("scopeSpans", []):
                for span in scoped.get("spans", []):
                    yield group["resource"], scoped.get("scope", {}), spelt(span)


def spelt(span: dict) -> dict:
    """OTLP differs from protobuf's JSON: ids are hexadecimal, enumerations are numbers."""
    for holder in (span, *span.get("links", [])):
        for key in ("traceId", "spanId", "parentSpanId"):
            if key in holder:
                holder[key] = base64.b64decode(holder[key]).hex()
    span["kind"] = KINDS[span.get("kind", "SPAN_KIND_UNSPECIFIED")]
    if "code" in span.get("status", {}):
        span["status"]["code"] = STATUSES[span["status"]["code"]]
    return span


def endpoint(members: list) -> str:
    """Which endpoint a trace belongs to; `others` for those without a request."""
    for _, _, span in members:
        if span["kind"] == KINDS[SERVER]:
            texts = {one["key"]: one["value"].get("stringValue", "") for one in span.get("attributes", [])}
            target = texts.get("http.target") or texts.get("url.path") or texts.get("http.url", "")
            path = re.sub(r"^https?://[^/]*", "", target).partition("?")[0]
            for name, form in PATHS:
                if re.fullmatch(form, path):
                    return name
    return "others"


def request(members: list) -> dict:
    """One trace as one export request."""
    groups = {}
    for resource, scope, span in sorted(members, key=lambda member: int(member[2]["startTimeUnixNano"])):
        key = json.dumps(resource, sort_keys=True)
        scopes = groups.setdefault(key, (resource, {}))[1]
        scopes.setdefault(json.dumps(scope, sort_keys=True), (scope, []))[1].append(span)
    return {
        "resourceSpans": [
            {"resource": resource, "scopeSpans": [{"scope": scope, "spans": found} for scope, found in scopes.values()]}
            for resource, scopes in groups.values()
        ]
    }


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: convert.py FILE OUT MODE")
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
