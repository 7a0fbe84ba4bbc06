"""Airflow as its image has it, in an environment and a home of its own."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
DAG_FILE = ROOT / "dags" / "mesoscale_dags.py"
WORKER = "_AIRFLOW_PARSING_CONTEXT_DAG_ID"  # set by Airflow's worker to the DAG that it reads the file for

LOOK = """
import json, sys, time
from airflow.dag_processing.dagbag import DagBag
began = time.perf_counter()
bag = DagBag(dag_folder=sys.argv[1])
spent = time.perf_counter() - began
print("\\n" + json.dumps({
    "errors": bag.import_errors,
    "dags": {name: {"tasks": {task.task_id: {
        "operator": task.operator_name, "type": type(task).__name__, "retries": task.retries,
        "pod": getattr(task, "pod_template_dict", None), "templated": list(task.template_fields),
    } for task in dag.tasks}, "schedule": str(dag.schedule), "catchup": dag.catchup,
        "tags": sorted(dag.tags)} for name, dag in bag.dags.items()},
    "seconds": spent,
    "clients": sorted({name.partition(".")[0] for name in sys.modules} & {"kubernetes", "kubernetes_asyncio"}),
}))
"""


class Airflow:
    """One home of Airflow, and a folder of what is planned."""

    def __init__(self, environment: Path, home: Path) -> None:
        self._bin = environment / "bin"
        self.home = home
        self.plans = home / "plans"
        (home / "dags").mkdir(parents=True)
        (home / "dags" / DAG_FILE.name).write_text(DAG_FILE.read_text())

    def plan(self, namespace: str, name: str, content: str | Mapping[str, Any]) -> None:
        """Have a file of what is planned."""
        folder = self.plans / namespace
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))

    def run(self, *words: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """A program of Airflow's environment, to its end."""
        own = {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "false",
            "MESOSCALE_DAGS": str(self.plans),
        }
        argv = [str(self._bin / words[0]), *words[1:]]
        everything = os.environ | own | environment
        return subprocess.run(argv, env=everything, capture_output=True, text=True, timeout=240, check=check)

    def look(self, **environment: str) -> dict[str, Any]:
        """What Airflow finds when it reads the DAG file."""
        said = self.run("python", "-c", LOOK, str(self.home / "dags"), **environment).stdout
        found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
        return found


@pytest.fixture(scope="session")
def airflow_environment() -> Path:
    """Where Airflow is installed; seconds where it is, half a minute where it is not yet."""
    made = subprocess.run(
        [ROOT / "tools" / "setup-airflow.sh"], capture_output=True, text=True, timeout=280, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"!!! NOT TESTED: Airflow (tools/setup-airflow.sh: {made.stderr.strip().splitlines()[-1:]})")
    return Path(made.stdout.strip().splitlines()[-1])


@pytest.fixture
def airflow(airflow_environment: Path, tmp_path: Path) -> Airflow:
    """An Airflow with nothing planned."""
    return Airflow(airflow_environment, tmp_path / "airflow")
