"""ClickHouse in this process, for the benchmark: a statement a line of JSON comes in, an answer a line goes out.

    clickhouse.py FOLDER

{"sql": ...} in; {"ms": ..., "rows": ...} or {"error": ...} out. One thread, as the other side has one.
"""

import json
import sys
import time

from chdb.session import Session

SESSION = Session(sys.argv[1])
for line in sys.stdin:
    try:
        begun = time.perf_counter()
        answer = SESSION.query(json.loads(line)["sql"], "TabSeparated")
        told = answer.bytes() or b""
        took = (time.perf_counter() - begun) * 1e3
        rows = told.count(b"\n")
        reply = {"ms": took, "rows": rows, "text": told[:2000].decode("utf-8", "replace")}
    except Exception as error:
        reply = {"error": str(error)[:2000]}
    print(json.dumps(reply), flush=True)
