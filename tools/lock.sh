#!/usr/bin/env bash
# Write requirements/*.txt anew: every Python package that Mesoscale runs and is tested with, pinned by hash.
# uv's own lock names the registry that it was made with; these files do not, so they hold behind any mirror.
set -euo pipefail
cd "$(dirname "$0")/.."

# export FILE OPTION...: uv's resolution of the workspace, without the workspace's own members
export_lock() {
    local file=requirements/$1
    shift
    uv export --quiet --no-header --no-annotate --format requirements.txt --no-emit-workspace "$@" --output-file "$file"
    echo "$file: $(grep -c == "$file") packages"
}

uv lock --quiet "$@"
export_lock run.txt --all-packages --no-default-groups
export_lock dev.txt --all-packages --all-groups
export_lock java.txt --all-packages --no-default-groups --extra java

# What goes into images. The weather's package asks for pandas, and only its files are read.
export_lock operator.txt --no-default-groups --package mesoscale-operator
export_lock streams.txt --no-default-groups --package mesoscale-streams --package mesoscale-dashboard --prune pandas

# Airflow's image, and the environment of tests/dags: a resolution of its own, for its pins agree with nobody's.
uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-version 3.11 "$@" \
    --output-file dags/requirements.txt dags/requirements.in
echo "dags/requirements.txt: $(grep -c == dags/requirements.txt) packages"

# What fetches Kafka's jars while its image is built, at the versions above.
uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-version 3.11 \
    --constraint requirements/run.txt --output-file requirements/jars.txt - <<<jgo
echo "requirements/jars.txt: $(grep -c == requirements/jars.txt) packages"
