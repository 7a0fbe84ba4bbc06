#!/usr/bin/env bash
# Every test. What the bare cluster is made of is built meanwhile, if it has to be and can be: half an hour of a small
# machine, that of other tests. Those in the cluster, and those that need a program of it, come last.
set -euo pipefail

python=.venv/bin/python
for word in "$@"; do # some of the tests
    if [[ -e ${word%%::*} ]]; then
        exec "$python" -m pytest "$@"
    fi
done

log=$(mktemp)
trap 'rm -f "$log"; kill "$building" 2>/dev/null || true' EXIT

build() {
    tools/setup-tests.sh cluster
    exec nice -n 19 "$python" -m cluster build --tests --if-possible
}
build >"$log" 2>&1 &
building=$!

# 5: none of the tests asked for are here.
run() {
    local code=0
    "$python" -m pytest "$@" || code=$?
    ((code == 0 || code == 5)) || failed=$code
}
failed=0
run tests --ignore=tests/cluster --ignore=tests/charts "$@"
if ! wait "$building"; then
    echo "!!! the cluster was not built, so tests in it are left out:" >&2
    tail -n 5 "$log" >&2
fi
run tests/charts tests/cluster "$@"
exit "$failed"
