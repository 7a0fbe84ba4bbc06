#!/usr/bin/env bash
# Write requirements/*.txt anew: every Python package that Mesoscale runs and is tested with, pinned by hash.
# uv's own lock names the registry that it was made with; these files do not, so they hold behind any mirror.
set -euo pipefail
cd "$(dirname "$0")/.."

# export FILE OPTION...: uv's resolution of the workspace, without the workspace's own members
export_lock() {
    local file=requirements/$1
    shift
    uv export --quiet --no-header --no-annotate --format requirements.txt --all-packages --no-emit-workspace "$@" \
        --output-file "$file"
    echo "$file: $(grep -c == "$file") packages"
}

uv lock --quiet "$@"
export_lock run.txt --no-default-groups
export_lock dev.txt --all-groups
export_lock java.txt --no-default-groups --extra java
