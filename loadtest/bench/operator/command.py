"""`python -m loadtest.bench operator`: which parts are measured, and where each of them goes in operator.json.

A part that was measured replaces its rows and leaves the others, so a run that was ended goes on with `--resume`.
"""

import argparse
import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence

from loadtest.bench import plot
from loadtest.bench.measure import Figure, conditions, show
from loadtest.bench.operator import compare, crowd, curve, kept, results
from loadtest.bench.operator.converge import Burst
from loadtest.bench.operator.crowd import Crowd
from loadtest.bench.operator.room import bring_up

DOCUMENTS = 1000
SIZES = (10, 100, 500, 2000)  # beside `DOCUMENTS`, which are made for the parts that follow
APART = {"side-by-side": compare.side_by_side, "kro": compare.kro}
OF_A_CROWD: dict[str, Callable[[Crowd], Awaitable[list[Figure]]]] = {
    "rest": kept.rest,
    "change": kept.change,
    "drift": kept.drift,
    "restart": kept.restart,
    "failover": kept.failover,
}
PARTS = (*APART, "growth", *OF_A_CROWD)


def main(arguments: Sequence[str]) -> None:
    """Measure the parts that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench operator", description=__doc__)
    parser.add_argument("part", nargs="*", metavar="PART", help="what to measure; without names everything")
    parser.add_argument(
        "--documents",
        type=int,
        default=DOCUMENTS,
        help="in all; another number is not kept",
    )
    parser.add_argument("--resume", action="store_true", help="leave out what was measured of this commit already")
    parsed = parser.parse_args(arguments)
    if unknown := set(parsed.part) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}; parts are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all is cleared away then, too
    names = [name for name in parsed.part or PARTS if not (parsed.resume and _measured(name))]
    bring_up()
    asyncio.run(measure(names, parsed.documents))
    if parsed.documents == DOCUMENTS:
        plot.draw(results.NAME)
        curve.draw()


def _measured(part: str) -> bool:
    commit = conditions()["commit"]
    found = [row["conditions"] for row in results.rows() if row["conditions"]["commit"] == commit]
    if part == "growth":
        return {f"growth-{size}" for size in SIZES} <= {one["part"] for one in found}
    return any(one["part"] == part for one in found)


async def measure(names: Sequence[str], documents: int) -> None:
    """Each part is saved when it is done."""
    for name in (name for name in names if name in APART):
        await _part(name, APART[name](documents), documents)
    if "growth" in names and documents == DOCUMENTS:
        for size in SIZES:
            await _part(f"growth-{size}", crowd.grown(size), documents)
    if set(names) & {"growth", *OF_A_CROWD}:
        async with crowd.crowd(documents) as (made, bursts):
            await _part(f"growth-{documents}", _growth(documents, bursts), documents)
            for name in (name for name in names if name in OF_A_CROWD):
                await _part(name, OF_A_CROWD[name](made), documents)


async def _part(name: str, measured: Awaitable[list[Figure]], documents: int) -> None:
    """With another number of documents than is usual, figures are shown and not kept."""
    print(f"\noperator: {name}", flush=True)
    shared = conditions()
    figures = await measured
    if figures and documents == DOCUMENTS:
        results.keep(name, figures, shared)
    elif figures:
        show(figures)


async def _growth(documents: int, bursts: list[Burst]) -> list[Figure]:
    return crowd.growth(documents, bursts)
