"""DAGs of all pipelines, from what the operator planned: one DAG for each job, one KubernetesPodOperator in it.

What is planned comes as files `NAMESPACE/NAME.json` below $MESOSCALE_DAGS; their shape is that of
core/src/mesoscale/manifests/dag.py. It is data that people who may write a pipeline decide about, so nothing of it is
rendered or run here, and a file speaks for its own namespace only.

The DAG processor reads this file every half minute and must not spend seconds on importing a client of Kubernetes each
time. So it sees tasks that stand for the real ones, and only a worker, which reads the file for one task that it is to
run, imports the operator.
"""

import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, BaseOperator, get_parsing_context

log = logging.getLogger(__name__)

VERSION = 1  # of the shape that is understood here
FOLDER = Path(os.environ.get("MESOSCALE_DAGS", "/opt/airflow/mesoscale"))
BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)  # before any run; nothing is caught up
STARTS_WITHIN = 600  # seconds that a pod may take until it runs, a node that is added for it among them

Planned = dict[str, Any]
MakeTask = Callable[[Planned, Planned], BaseOperator]


class NotRunHere(BaseOperator):
    """Stands for a task where DAGs are only looked at."""

    custom_operator_name = "KubernetesPodOperator"

    def execute(self, context: Any) -> None:
        """Never called by a worker, which has the real one."""
        raise RuntimeError(f"{self.task_id} was read without the parsing context of a worker")


def planned(folder: Path) -> Iterator[Planned]:
    """What is in the files, one DAG after the other; a file that cannot be used is told of, and keeps no other out."""
    for file in sorted(folder.glob("*/*.json")):
        try:
            yield from _read(file)
        except (OSError, ValueError, LookupError, TypeError) as problem:
            log.error("%s is left out: %r", file, problem)


def _read(file: Path) -> list[Planned]:
    held = json.loads(file.read_text(encoding="utf-8"))
    if held["version"] != VERSION:
        raise ValueError(f"version {held['version']}, and {VERSION} is understood")
    for one in held["dags"]:
        spaces = {one["namespace"], *(task["pod"]["metadata"]["namespace"] for task in one["tasks"])}
        if spaces != {file.parent.name} or not one["dagId"].startswith(f"{file.parent.name}."):
            raise ValueError(f"DAG {one['dagId']} is not of the namespace {file.parent.name}")
    return list(held["dags"])


def make(one: Planned, task: MakeTask) -> DAG:
    """A DAG whose tasks are made by `task`."""
    made = DAG(
        dag_id=one["dagId"],
        description=one["description"],
        schedule=one["schedule"],
        start_date=BEGINNING,
        catchup=False,
        max_active_runs=1,
        tags=one["tags"],
        default_args={
            "owner": "mesoscale",
            "retries": one["retries"],
            "retry_delay": timedelta(seconds=30),
            "retry_exponential_backoff": True,
            "max_retry_delay": timedelta(minutes=10),
        },
    )
    with made:
        for planned_task in one["tasks"]:
            task(one, planned_task)
    return made


def stand_in(one: Planned, task: Planned) -> BaseOperator:
    """For whoever only looks."""
    return NotRunHere(task_id=task["taskId"])


def pod(one: Planned, task: Planned) -> BaseOperator:
    """For the worker: the pod as it was planned, with its log in Airflow's."""
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    class PlannedPod(KubernetesPodOperator):
        template_fields = ()  # a pod that says `{{ conn.…}}` is to be given that text, and no password

    return PlannedPod(
        task_id=task["taskId"],
        name=one["dagId"].partition(".")[2].replace(".", "-")[:50],
        namespace=one["namespace"],
        pod_template_dict=task["pod"],
        startup_timeout_seconds=STARTS_WITHIN,
        do_xcom_push=False,
        log_events_on_failure=True,
    )


running = get_parsing_context().dag_id
for _one in planned(FOLDER):
    if running in (None, _one["dagId"]):
        globals()[_one["dagId"]] = make(_one, stand_in if running is None else pod)
