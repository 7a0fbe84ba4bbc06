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
beside=(tests/charts tests/dags tests/images)
# Of the tests in a cluster these say most; they go first, for the time of CI may end before all have run.
first=(tests/cluster/test_{cluster_serves,chart_installs,manifests_are_taken,end_to_end}.py)
mapfile -t others < <(printf '%s\n' tests/cluster/test_*.py "${first[@]}" | sort | uniq -u)
# In CI, seconds from its start: no test begins in a cluster after these, and one that is not built by then is left for
# the next run. All other tests run however long they take.
END_IN_CLUSTER=3600
END_OF_BUILD=3000

run() {
    local code=0
    "$python" -m pytest "$@" || code=$?
    ((code == 5)) || return "$code" # 5: no test of that name here
}

build_cluster() {
    local code=0 building
    tools/setup-tests.sh cluster
    # It takes what the other tests leave of the processor, so that they are as fast as without it.
    nice -n 19 timeout --signal=INT --kill-after=60 "$((END_OF_BUILD - SECONDS))" \
        "$python" -m cluster build --tests --if-possible &
    building=$!
    trap 'kill -INT "$building"; exit 130' INT # `timeout` has a group of its own, which it hands the signal on to
    wait "$building" || code=$?
    trap - INT
    ((code == 124 || code == 137)) || return "$code"
    echo "!!! NOT TESTED: tests/cluster: the cluster was not built $END_OF_BUILD s after the start; the next run goes on from there"
    first=()
    others=()
}

run_beside() {
    if [[ ${CI:-} ]]; then
        build_cluster
        export MESO_TESTS_BEGIN_UNTIL=$((EPOCHSECONDS + END_IN_CLUSTER - SECONDS))
    fi
    run "${beside[@]}" "${first[@]}" "${others[@]}" "$@"
}

said=$(mktemp)
set -m # a group of its own, in which Ctrl-C is heard; a script's jobs would not hear it
run_beside "$@" >"$said" 2>&1 &
pid=$!
set +m
trap 'rm -f "$said"; kill -INT -- "-$pid" 2>/dev/null || true' EXIT
trap 'exit 130' INT
failed=0
run tests "${beside[@]/#/--ignore=}" --ignore=tests/cluster "$@" || failed=$?
wait "$pid" || failed=$?
cat "$said"
exit "$failed"
