#!/bin/sh
# Runs the examples against `bamlvm mock`: no key, no network.  BAMLVM is the command to use, in words (default: bamlvm).
set -eu

here=$(dirname "$0")
bamlvm=${BAMLVM:-bamlvm}
work=$(mktemp -d)
mock=

finish() {
  if [ -n "$mock" ]; then
    kill "$mock" 2>/dev/null || true
    wait "$mock" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

$bamlvm mock --script "$here/mock.toml" --quiet >"$work/url" &
mock=$!
tries=0
while [ ! -s "$work/url" ]; do
  tries=$((tries + 1))
  if [ "$tries" -gt 600 ] || ! kill -0 "$mock" 2>/dev/null; then
    echo "demo: the mock server did not start" >&2
    exit 1
  fi
  sleep 0.1
done
BAMLVM_DEMO_URL=$(head -n 1 "$work/url")
export BAMLVM_DEMO_URL

show() {
  printf '\n$ bamlvm'
  printf ' %s' "$@"
  printf '\n'
  $bamlvm "$@"
}

echo "A mock server stands in for the providers at $BAMLVM_DEMO_URL"
show run "$here/hello.baml" -a name=Ada
show run "$here/greeting.baml" Greet -a name=Ada --stream
show run "$here/order.baml" Extract -a text="Two lamps and a desk for Ada, please." --stream
show run "$here/fallback.baml" Capital -a country=France --stream
show run "$here/round_robin.baml" --stream
