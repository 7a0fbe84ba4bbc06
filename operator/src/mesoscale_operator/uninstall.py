"""`python -m mesoscale_operator.uninstall`, which `meso uninstall` starts: take everything of ours out of a cluster.

The chart runs it before its release is deleted, and leaves the definition to its users then.
"""

import argparse
import asyncio
import os
import sys

import orjson

from mesoscale_operator import errors, kubeconfig, logs, removal
from mesoscale_operator.kube import Kube
from mesoscale_operator.removal import Inventory, Options, Step

LOOKING = 60.0  # seconds that a look at everything may take


def main() -> int:
    """0 when nothing of ours is left but what was to stay; 1 when that is not sure, 2 when no API server is known."""
    given = _arguments()
    logs.configure()
    try:
        access = kubeconfig.find(os.environ)
    except kubeconfig.AccessMissing as problem:
        print(f"error: {problem}", file=sys.stderr)  # noqa: T201  # one sentence for whoever started it, not a log line
        return 2
    namespace, _, name = (given.operator or "").partition("/")
    options = Options(
        namespaces=tuple(given.namespace) or (None,),
        operator=(namespace, name) if given.operator else None,
        documents=given.documents,
        data=given.data,
        definition=given.definition,
        deadline=given.deadline,
    )
    return asyncio.run(_run(access, options, given.dry_run, given.output == "json"))


async def _run(access: kubeconfig.Access, options: Options, dry_run: bool, as_json: bool) -> int:
    steps: list[Step] = []

    def told(step: Step) -> None:
        steps.append(step)
        if not as_json:
            _say(f"{step.what}: {'done' if step.done else 'not done'}{f' ({step.detail})' if step.detail else ''}")

    async with Kube(access) as kube:
        done = True if dry_run else await removal.carry_out(kube, options, told)
        there = await _look(kube, options)
    if as_json:
        told_ = [step._asdict() for step in steps]
        _say(orjson.dumps({"dryRun": dry_run, "done": done, "steps": told_, "there": _plain(there)}).decode())
    else:
        for line in _would_go(there, options) if dry_run else _stays(there, options):
            _say(line)
    return 0 if done else 1


async def _look(kube: Kube, options: Options) -> Inventory | None:
    """What is there; nothing where that cannot be said, as where one may only do what the chart's hook does."""
    try:
        return await asyncio.wait_for(removal.look(kube, options), LOOKING)
    except (errors.ApiError, TimeoutError):
        return None


def _would_go(there: Inventory | None, options: Options) -> list[str]:
    if there is None:
        return ["what is there cannot be seen"]
    goes = "would be deleted" if options.documents == "delete" else "would be kept, without an operator"
    lines = [f"{one} {goes}" for one in there.documents]
    lines += [f"{one} would go to no replicas" for one in there.operators]
    if options.documents == "delete":
        lines += [f"{one} would be deleted" for one in there.children]
    data = "deleted" if options.data == "delete" else "kept"
    lines += [f"{one} would be {data}" for one in there.data]
    if there.definition:
        lines.append(
            f"the definition {removal.DEFINITION} would be {'deleted' * (options.definition == 'delete') or 'kept'}"
        )
    return lines or ["there is nothing of ours"]


def _stays(there: Inventory | None, options: Options) -> list[str]:
    if there is None:
        return []
    lines = [f"{one} stays" for one in (*there.documents, *there.children)]
    lines += [f"{one} stays, for its data; --data delete takes it along" for one in there.data]
    return lines + [
        f"{one} has no pods; what its chart made beside it goes by helm uninstall" for one in there.operators
    ]


def _plain(there: Inventory | None) -> dict[str, object] | None:
    if there is None:
        return None
    return {
        "documents": [one._asdict() for one in there.documents],
        "operators": [one._asdict() for one in there.operators],
        "children": [one._asdict() for one in there.children],
        "data": [one._asdict() for one in there.data],
        "definition": there.definition,
        "unseen": list(there.unseen),
    }


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mesoscale_operator.uninstall", description=__doc__)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--namespace", action="append", default=[], help="of pipelines; may be given again")
    where.add_argument("--all-namespaces", action="store_true", help="which is the default")
    parser.add_argument("--operator", metavar="NAMESPACE/NAME", help="its Deployment, if not all with its labels")
    words = ("delete", "keep")
    parser.add_argument("--documents", choices=words, default="delete", help="kept ones run on, with no operator")
    parser.add_argument("--data", choices=words, default="keep", help="topics and databases that documents left")
    parser.add_argument("--definition", choices=words, default="delete", help="of WeatherPipelines")
    parser.add_argument("--deadline", type=float, default=75.0, help="seconds that the end of pipelines may take")
    parser.add_argument("--dry-run", action="store_true", help="only say what there is and what would become of it")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    given = parser.parse_args()
    if given.definition == "delete" and (given.documents == "keep" or given.namespace):
        parser.error("with the definition all documents go: --definition keep, or delete the documents everywhere")
    return given


if __name__ == "__main__":
    sys.exit(main())
