#!/usr/bin/env bash
# Every test, or those that the arguments of pytest name. Tests mostly wait, those in a cluster as well as the others, so
# both run at once: together they take as long as the slower half.
set -euo pipefail

python=.venv/bin/python
for word in "$@"; do
    if [[ -e ${word%%::*} ]]; then
        exec "$python" -m pytest "$@"
    fi
done

# What needs a cluster or what is built for one; two halves would build the same twice at once.
in_cluster=(tests/charts tests/cluster tests/dags tests/images)

run() {
    local code=0
    "$python" -m pytest "$@" || code=$?
    ((code == 5)) || return "$code" # 5: no test of that name here
}

said=$(mktemp)
set -m # a group of its own, in which Ctrl-C is heard; a script's jobs would not hear it
run "${in_cluster[@]}" "$@" >"$said" 2>&1 &
beside=$!
set +m
trap 'rm -f "$said"; kill -INT -- "-$beside" 2>/dev/null || true' EXIT
trap 'exit 130' INT
failed=0
run tests "${in_cluster[@]/#/--ignore=}" "$@" || failed=$?
wait "$beside" || failed=$?
cat "$said"
exit "$failed"
