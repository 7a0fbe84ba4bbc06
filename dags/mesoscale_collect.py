"""`python mesoscale_collect.py`: bring what is planned for Airflow from all namespaces as files NAMESPACE/NAME.json.

It lists the ConfigMaps labelled `mesoscale.dev/dag` again and again, and makes the folder equal to them: nothing is
remembered, and while the API server does not answer, what is there stays. It runs beside the DAG processor and beside
each worker, with a right to list ConfigMaps and no other.
"""

import argparse
import json
import logging
import os
import ssl
import sys
import time
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

log = logging.getLogger("mesoscale_collect")

SELECTOR = "mesoscale.dev%2Fdag%3Dtrue"
IDENTITY = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PATIENCE = 20  # seconds for one answer


def wanted(items: Iterable[Mapping[str, Any]]) -> dict[PurePosixPath, str]:
    """The files that ConfigMaps ask for; names of both are such that no path leads elsewhere."""
    return {
        PurePosixPath(one["metadata"]["namespace"], f"{one['metadata']['name']}.json"): text
        for one in items
        for text in list(one.get("data", {}).values())[:1]
    }


def bring(folder: Path, files: Mapping[PurePosixPath, str]) -> list[PurePosixPath]:
    """Make the folder hold these files and no others; which of them changed, appeared or went."""
    there = {PurePosixPath(path.relative_to(folder)): path for path in folder.glob("*/*.json")}
    gone = there.keys() - files.keys()
    new = [path for path, text in files.items() if path not in there or there[path].read_text() != text]
    for path in gone:
        there[path].unlink()
    for path in new:
        _write(folder / path, files[path])
    return sorted([*gone, *new])


def _write(path: Path, text: str) -> None:
    """A reader sees the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".new")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def listed(server: str, identity: Path, namespace: str) -> list[dict[str, Any]]:
    """The ConfigMaps as they are now.

    Raises:
        OSError: the API server does not answer, or refuses.
        ValueError: it answers in other words.
    """
    within = f"/namespaces/{namespace}" if namespace else ""
    request = urllib.request.Request(f"{server}/api/v1{within}/configmaps?labelSelector={SELECTOR}")
    request.add_header("Authorization", f"Bearer {(identity / 'token').read_text().strip()}")
    context = ssl.create_default_context(cafile=str(identity / "ca.crt"))
    with urllib.request.urlopen(request, timeout=PATIENCE, context=context) as answer:
        items: list[dict[str, Any]] = json.load(answer)["items"]
    return items


def main() -> int:
    """Until a signal; with `--once`, 1 if the API server did not answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(os.environ.get("MESOSCALE_DAGS", "/opt/airflow/mesoscale")))
    parser.add_argument("--namespace", action="append", default=[], help="of pipelines; all of them by default")
    parser.add_argument("--server", default=_server())
    parser.add_argument("--identity", type=Path, default=IDENTITY, help="folder with token and ca.crt")
    parser.add_argument("--every", type=float, default=15.0, help="seconds between two looks")
    parser.add_argument("--once", action="store_true")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    while True:
        answered = _look(given)
        if given.once:
            return 0 if answered else 1
        time.sleep(given.every)


def _look(given: argparse.Namespace) -> bool:
    try:
        items = [one for space in given.namespace or [""] for one in listed(given.server, given.identity, space)]
    except (OSError, ValueError, LookupError) as problem:
        log.warning("%s did not answer: %r", given.server, problem)
        return False
    for path in bring(given.folder, wanted(items)):
        log.info("%s changed", path)
    return True


def _server() -> str:
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


if __name__ == "__main__":
    sys.exit(main())
