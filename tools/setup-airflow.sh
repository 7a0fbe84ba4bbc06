#!/usr/bin/env bash
# An environment with the Airflow of our image, for tests/dags/: about 350 MB in the user's cache, half a minute. Its
# folder is named after the lock, so a new lock makes a new one. Prints the folder.
set -euo pipefail
cd "$(dirname "$0")/.."
lock=dags/requirements.txt
folder=${XDG_CACHE_HOME:-$HOME/.cache}/mesoscale/airflow-$(sha256sum "$lock" | cut -c1-12)
uv=$(command -v uv || echo "${XDG_CACHE_HOME:-$HOME/.cache}/mesoscale/uv/bin/uv")

if [[ ! -e $folder/whole ]]; then
    echo "Airflow: $(grep -c == "$lock") packages into $folder" >&2
    rm -rf "$folder"
    "$uv" venv --quiet --python .venv/bin/python "$folder"
    "$uv" pip install --quiet --python "$folder" --require-hashes -r "$lock"
    touch "$folder/whole"
fi
echo "$folder"
