"""How the cost of a document grows with their number: drawn over the rows of operator.json that tell of it."""

import matplotlib as mpl

from loadtest.bench.measure import RESULTS
from loadtest.bench.operator.results import NAME, rows

mpl.use("Agg")
UNITS = ("ms/document", "CPU ms/child")


def draw() -> None:
    """loadtest/results/operator.json → operator-growth.png; a line through the medians, all runs as dots."""
    from matplotlib import pyplot

    found = [row for row in rows() if row["conditions"].get("part", "").startswith("growth-")]
    if not found:
        return
    figure, axes = pyplot.subplots(1, len(UNITS), figsize=(9, 3.4))
    for axis, unit in zip(axes, UNITS, strict=True):
        shown = sorted((row for row in found if row["unit"] == unit), key=lambda row: row["conditions"]["documents"])
        numbers = [row["conditions"]["documents"] for row in shown]
        axis.plot(numbers, [row["value"] for row in shown], color="#3b6ea8", marker="o")
        for number, row in zip(numbers, shown, strict=True):
            axis.plot([number] * len(row["runs"]), row["runs"], ".", color="#333333", markersize=3)
        axis.set_xscale("log")
        axis.set_ylim(bottom=0)
        axis.set_xticks(numbers, [f"{number:,}" for number in numbers], minor=False)
        axis.set_xlabel("documents made at once")
        axis.set_ylabel(unit)
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(RESULTS / f"{NAME}-growth.png", dpi=110)
    pyplot.close(figure)
