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
# Of these, what a CI on a new machine has time for after it built the cluster.
first=(tests/cluster/test_{cluster_serves,chart_installs,manifests_are_taken,end_to_end}.py)

run() {
    local code=0
    "$python" -m pytest "$@" || code=$?
    ((code == 5)) || return "$code" # 5: no test of that name here
}

run_in_cluster() {
    local seldom=()
    if [[ ${CI:-} ]]; then
        tools/setup-tests.sh cluster
        "$python" -m cluster build --tests --if-possible
        if ((SECONDS > 300)); then
            ((SECONDS < 3900)) || first=() # on a slow or busy machine there is not even time for these
            echo "!!! NOT TESTED: tests/cluster, but ${first[*]:-nothing}; a CI that finds the cluster built has the time"
            mapfile -t seldom < <(printf '%s\n' tests/cluster/test_*.py "${first[@]}" | sort | uniq -u)
        fi
    fi
    run "${in_cluster[@]}" "${seldom[@]/#/--ignore=}" "$@"
}

said=$(mktemp)
set -m # a group of its own, in which Ctrl-C is heard; a script's jobs would not hear it
run_in_cluster "$@" >"$said" 2>&1 &
beside=$!
set +m
trap 'rm -f "$said"; kill -INT -- "-$beside" 2>/dev/null || true' EXIT
trap 'exit 130' INT
failed=0
run tests "${in_cluster[@]/#/--ignore=}" "$@" || failed=$?
wait "$beside" || failed=$?
cat "$said"
exit "$failed"
