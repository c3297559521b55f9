#!/bin/sh
# Runs the tests of an example under `taut check`, with the fault and without: the gate has to break, and then to pass.
#   sh examples/check/try.sh pytest|jest|junit|cargo-test
# TAUT names the binary, WORK a folder for packages that stays (one is made and removed otherwise).
set -eu
example=${1:?which example: pytest, jest, junit or cargo-test}
from=$(cd "$(dirname "$0")/$example" && pwd)
taut=${TAUT:-taut}
work=${WORK:-$(mktemp -d)}
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
cp -R "$from/." "$work"
cd "$work"
export OTEL_SERVICE_NAME=shop

case "$example" in
pytest)
  [ -d venv ] || { python3 -m venv venv && venv/bin/pip install -q -r requirements.txt; }
  PATH="$work/venv/bin:$PATH"
  gate() { "$taut" check --live -- opentelemetry-instrument pytest -q; }
  ;;
jest)
  [ -d node_modules ] || npm install --silent --no-audit --no-fund
  gate() { "$taut" check --live -- npx jest --runInBand; }
  ;;
junit)
  mvn -q -B dependency:copy@agent
  gate() { "$taut" check --live -- mvn -q -B test; }
  ;;
cargo-test)
  gate() { "$taut" check --live -- cargo test --quiet; }
  ;;
*)
  echo "no example is called $example" >&2
  exit 2
  ;;
esac

expect() {
  code=0
  "$@" >"$work/told" 2>"$work/words" || code=$?
  cat "$work/told"
  echo "code $code"
}

echo "== $example with the fault"
FAULTY=1 expect gate
[ "$code" = 1 ] && grep -q n-plus-one "$work/told" || { cat "$work/words" >&2; echo "the gate did not break" >&2; exit 1; }
echo "== $example without it"
expect gate
[ "$code" = 0 ] || { cat "$work/words" >&2; echo "the gate did not pass" >&2; exit 1; }
echo "== the gate broke and passed as it should"
