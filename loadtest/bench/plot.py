"""Results as bars: the median, and a line from the least to the most of the runs."""

import json

import matplotlib as mpl

from loadtest.bench.measure import RESULTS

mpl.use("Agg")


def draw(name: str) -> None:
    """loadtest/results/NAME.json → NAME.png, one panel for each unit."""
    from matplotlib import pyplot

    rows = json.loads((RESULTS / f"{name}.json").read_text())
    units = list(dict.fromkeys(row["unit"] for row in rows))
    figure, axes = pyplot.subplots(len(units), 1, figsize=(9, 0.9 * len(rows) + 1.2), squeeze=False)
    for axis, unit in zip(axes[:, 0], units, strict=True):
        shown = [row for row in rows if row["unit"] == unit]
        values = [row["value"] for row in shown]
        spread = [
            [row["value"] - min(row["runs"]) for row in shown],
            [max(row["runs"]) - row["value"] for row in shown],
        ]
        axis.barh([row["what"] for row in shown], values, xerr=spread, color="#3b6ea8", ecolor="#333333")
        axis.invert_yaxis()
        axis.set_xlabel(unit)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(RESULTS / f"{name}.png", dpi=110)
    pyplot.close(figure)
