"""The DAG file makes of what the operator plans what Airflow runs; a real Airflow reads it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from fix_airflow import WORKER, Airflow

from mesoscale.manifests import dag

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "manifests" / "everything" / "ConfigMap.yaml"


@pytest.fixture(scope="module")
def planned() -> dict[str, Any]:
    """What the operator plans for Airflow, of the pipeline that has everything."""
    maps = yaml.safe_load_all(GOLDEN.read_text())
    [found] = [one for one in maps if one["metadata"]["labels"].get(dag.LABEL) == "true"]
    [text] = found["data"].values()
    return dict(json.loads(text))


def test_every_job_becomes_a_dag_with_a_pod_and_no_client_is_loaded_to_see_it(
    airflow: Airflow, planned: dict[str, Any]
) -> None:
    airflow.plan("weather", "everything-dag.json", planned)
    found = airflow.look()
    assert found["errors"] == {}
    assert found["clients"] == []
    assert found["dags"].keys() == {one["dagId"] for one in planned["dags"]}
    for one in planned["dags"]:
        made = found["dags"][one["dagId"]]
        assert made["schedule"] == str(one["schedule"])
        assert (made["catchup"], made["tags"]) == (False, sorted(one["tags"]))
        assert made["tasks"].keys() == {task["taskId"] for task in one["tasks"]}
        assert {task["operator"] for task in made["tasks"].values()} == {"KubernetesPodOperator"}
        assert {task["retries"] for task in made["tasks"].values()} == {one["retries"]}


def test_a_worker_gets_the_pod_as_it_was_planned_and_no_other_dag(airflow: Airflow, planned: dict[str, Any]) -> None:
    airflow.plan("weather", "everything-dag.json", planned)
    one = planned["dags"][0]
    found = airflow.look(**{WORKER: one["dagId"]})
    assert found["errors"] == {}
    assert found["dags"].keys() == {one["dagId"]}
    [task] = found["dags"][one["dagId"]]["tasks"].values()
    assert task["pod"] == one["tasks"][0]["pod"]
    assert task["templated"] == []


def test_a_file_that_cannot_be_used_keeps_no_other_out(airflow: Airflow, planned: dict[str, Any]) -> None:
    airflow.plan("weather", "everything-dag.json", planned)
    airflow.plan("weather", "cut.json", json.dumps(planned)[:100])
    airflow.plan("weather", "newer.json", planned | {"version": 2})
    airflow.plan("elsewhere", "foreign.json", planned)
    pod = planned["dags"][0]["tasks"][0]["pod"]
    task = {"taskId": "t", "pod": pod | {"metadata": pod["metadata"] | {"namespace": "weather"}}}
    hidden = planned["dags"][0] | {"dagId": "sly.p.t", "namespace": "sly", "tasks": [task]}
    airflow.plan("sly", "sly.json", planned | {"dags": [hidden]})
    found = airflow.look()
    assert found["errors"] == {}
    assert found["dags"].keys() == {one["dagId"] for one in planned["dags"]}


def test_the_shape_that_is_planned_is_the_one_that_is_read() -> None:
    source = (ROOT / "dags" / "mesoscale_dags.py").read_text()
    assert f"VERSION = {dag.VERSION}  #" in source
    read = {"dagId", "description", "schedule", "namespace", "tags", "retries", "tasks"}
    assert dag.Dag.__annotations__.keys() == read
    assert dag.Task.__annotations__.keys() == {"taskId", "pod"}
    assert all(f'["{key}"]' in source for key in read | {"taskId", "pod", "dags", "version"})
