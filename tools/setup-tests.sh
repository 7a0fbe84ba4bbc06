#!/usr/bin/env bash
# What only the tests need: a browser, the linter of shell scripts, and for `setup-tests.sh cluster` what a bare cluster
# runs on. Debian packages, so it takes root; without it, what is missing is named, and the tests say so too.
set -euo pipefail

missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v shellcheck >/dev/null || missing+=(shellcheck)
fc-list 2>/dev/null | grep -q . || missing+=(fonts-dejavu-core fontconfig)
if [[ ${1:-} == cluster && -z ${MESO_KUBECONFIG:-} ]]; then
    read -ra lacking < <(.venv/bin/python -c 'from cluster import preflight; print(*preflight.missing_packages())')
    missing+=("${lacking[@]}")
fi
((${#missing[@]})) || exit 0

if [[ $(id -u) != 0 ]]; then
    printf '!!! NOT INSTALLED: %s. As root: apt-get install %s\n' "${missing[*]}" "${missing[*]}" >&2
    exit 0
fi
echo "installing ${missing[*]} (about a minute)"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
