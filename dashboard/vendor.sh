#!/bin/sh
# Refreshes what the page takes from others: the charts (uPlot) and the typeface (Inter), each from its npm package.
# Usage: dashboard/vendor.sh [UPLOT_VERSION [INTER_VERSION]]     needs npm; without versions, the ones that are pinned here
set -eu
uplot=${1:-1.6.32}
inter=${2:-5.3.0}
into=$(cd "$(dirname "$0")" && pwd)/src/mesoscale_dashboard/static/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unpack() { # NAME@VERSION -> $work/<name>/package
    mkdir -p "$work/$2"
    (cd "$work/$2" && tar xzf "$(npm pack --silent "$1")")
}

unpack "uplot@$uplot" uplot
mkdir -p "$into/uplot"
cp "$work/uplot/package/dist/uPlot.esm.js" "$work/uplot/package/dist/uPlot.min.css" "$work/uplot/package/LICENSE" "$into/uplot/"
echo "uplot $uplot (npm)" >"$into/uplot/VERSION"

unpack "@fontsource-variable/inter@$inter" inter
mkdir -p "$into/inter"
cp "$work/inter/package/files/inter-latin-wght-normal.woff2" "$work/inter/package/LICENSE" "$into/inter/"
echo "@fontsource-variable/inter $inter (npm), Latin subset" >"$into/inter/VERSION"
