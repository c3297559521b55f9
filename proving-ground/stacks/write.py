"""Turns what the receiver kept into one file per endpoint, without the requests that warmed the application up.

Usage: write.py otlp|zipkin RAW OUT STACK ASKED, where ASKED is a JSON list of [endpoint, begin, end] in nanoseconds.
"""

import gzip
import json
import sys
from collections import defaultdict
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ground import convert  # noqa: E402


def otlp(raw: bytes) -> dict:
    """Traces by begin: members as convert.py knows them."""
    traces = defaultdict(list)
    for member in convert.spans(raw):
        traces[member[2]["traceId"]].append(member)
    return {min(int(span["startTimeUnixNano"]) for _, _, span in members): members for members in traces.values()}


def otlp_text(traces: list) -> str:
    """A line per trace."""
    return "".join(json.dumps(convert.request(members), separators=(",", ":")) + "\n" for members in traces)


def zipkin(raw: bytes) -> dict:
    """Traces by begin: lists of spans."""
    traces, at = defaultdict(list), 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 8], "big")
        for span in json.loads(raw[at + 8 : at + 8 + length]):
            traces[span["traceId"]].append(span)
        at += 8 + length
    return {min(span["timestamp"] for span in spans) * 1000: spans for spans in traces.values()}


def zipkin_text(traces: list) -> str:
    """One list of all spans."""
    return json.dumps([span for spans in traces for span in spans], separators=(",", ":"))


FORMATS = {"otlp": (otlp, otlp_text, "otlp.jsonl"), "zipkin": (zipkin, zipkin_text, "zipkin.json")}


def main(form: str, raw: Path, out: Path, stack: str, asked: list) -> None:
    """Writes the files."""
    read, text, ending = FORMATS[form]
    traces = read(raw.read_bytes())
    for name, begin, end in asked:
        found = [members for start, members in sorted(traces.items()) if begin <= start <= end]
        suffix = "" if form == "otlp" else f"-{form}"
        target = out / f"{stack}-{name}{suffix}.{ending}.gz"
        with gzip.GzipFile(target, "wb", compresslevel=9, mtime=0) as file:
            file.write(text(found).encode())
        count = sum(len(members) for members in found)
        print(f"    {target.name:<48} {len(found):>4} traces {count:>6} spans {target.stat().st_size:>8} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit("usage: write.py otlp|zipkin RAW OUT STACK ASKED")
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], json.loads(sys.argv[5]))
