"""From the plan that runs to the one that is wanted: what is done, what is lost, what is refused."""

from typing import Any

import pytest

from mesoscale.contract.types import Column, Contract
from mesoscale.diff import Change, diff
from mesoscale.plan.types import Plan, Table, TablePartitions, Topic, Workload

CONTRACT = Contract(name="reading", columns=(Column(name="value", type="float64", min=0, max=9),))
TOPIC = Topic(name="p.a", role="records", partitions=6, replicas=1, config={"retention.ms": "604800000"})
TABLE = Table(
    sink="rows",
    schema_name="p",
    name="rows",
    contract="reading",
    partitions=TablePartitions(column="at", every="1d"),
    statements=("CREATE TABLE rows", "CREATE INDEX i ON rows"),
)
WORKLOAD = Workload(
    node="a", kind="source", argv=("python", "-m", "run", "a"), replicas=1, needs=("kafka",), reads="replay dataset a"
)
PLAN = Plan(pipeline="p", contracts=(CONTRACT,), topics=(TOPIC,), tables=(TABLE,), workloads=(WORKLOAD,))


def plan(**parts: Any) -> Plan:
    return PLAN.model_copy(update=parts)


def topic(**fields: Any) -> Plan:
    return plan(topics=(TOPIC.model_copy(update=fields),))


def table(**fields: Any) -> Plan:
    return plan(tables=(TABLE.model_copy(update=fields),))


def source(reads: str) -> Plan:
    return plan(workloads=(WORKLOAD.model_copy(update={"reads": reads}),))


def contract(version: int = 2, **fields: Any) -> Plan:
    column = Column(**(CONTRACT.columns[0].model_dump() | fields))
    return plan(contracts=(CONTRACT.model_copy(update={"version": version, "columns": (column,)}),))


def test_the_first_time_everything_is_created() -> None:
    assert [(change.action, change.kind, change.name) for change in diff(None, PLAN)] == [
        ("create", "contract", "reading"),
        ("create", "topic", "p.a"),
        ("create", "table", "p.rows"),
        ("create", "workload", "a"),
    ]


def test_the_same_plan_changes_nothing() -> None:
    assert len(diff(PLAN, PLAN)) == 0
    assert len(diff(Plan.model_validate_json(PLAN.model_dump_json(by_alias=True)), PLAN)) == 0


ALLOWED = [
    (topic(partitions=12), Change("change", "topic", "p.a", "partitions 6 → 12")),
    (topic(config={"retention.ms": "-1"}), Change("change", "topic", "p.a", "retention.ms 604800000 → -1")),
    (topic(config=TOPIC.config | {"x": "1"}), Change("change", "topic", "p.a", "x default → 1")),
    (
        table(statements=(*TABLE.statements, "CREATE INDEX j")),
        Change("change", "table", "p.rows", "1 statement to run"),
    ),
    (
        table(statements=TABLE.statements[:1]),
        Change("change", "table", "p.rows", "0 statements to run; 1 index no longer asked for"),
    ),
    (plan(workloads=()), Change("remove", "workload", "a", "its processes are stopped")),
    (
        plan(workloads=(WORKLOAD.model_copy(update={"replicas": 3}),)),
        Change("change", "workload", "a", "replicas 1 → 3"),
    ),
    (contract(max=10), Change("change", "contract", "reading", "version 1 → 2")),
    (contract(nullable=True), Change("change", "contract", "reading", "version 1 → 2")),
]


@pytest.mark.parametrize(("new", "change"), ALLOWED, ids=lambda value: getattr(value, "detail", ""))
def test_a_change_that_keeps_all_data_is_made(new: Plan, change: Change) -> None:
    assert list(diff(PLAN, new)) == [change]


LOSING = [
    (plan(topics=()), "remove", "p.a", "its records are deleted"),
    (plan(tables=()), "remove", "p.rows", "its rows are deleted"),
    (topic(config={"retention.ms": "1000"}), "change", "p.a", "records older than that are deleted"),
]


@pytest.mark.parametrize(("new", "action", "name", "words"), LOSING, ids=lambda value: str(value)[:20])
def test_a_change_that_loses_data_says_which(new: Plan, action: str, name: str, words: str) -> None:
    [change] = diff(PLAN, new).losing
    assert (change.action, change.name) == (action, name)
    assert words in change.detail
    assert not diff(PLAN, new).forbidden


FORBIDDEN = [
    (topic(partitions=3), "never shrink"),
    (topic(replicas=3), "replicas"),
    (table(contract="other"), "keeps its contract"),
    (table(partitions=None), "cut in another way"),
    (table(partitions=TablePartitions(column="at", every="1mo")), "cut in another way"),
    (source("replay file b"), "how far it has come in replay dataset a means nothing in replay file b"),
    (contract(version=1, max=10), "must become 2"),
    (contract(version=2, max=8), "tighter max"),
    (contract(version=2, type="int64"), "had type float64"),
    (contract(version=2, name="amount", nullable=True), "column value is taken away"),
]


@pytest.mark.parametrize(("new", "words"), FORBIDDEN, ids=lambda value: str(value)[:30])
def test_a_change_that_cannot_be_made_says_why(new: Plan, words: str) -> None:
    [change] = diff(PLAN, new).forbidden
    assert words in change.forbidden_reason


def test_a_plan_of_before_that_does_not_say_what_its_sources_read_forbids_nothing() -> None:
    dumped = PLAN.model_dump()
    del dumped["workloads"][0]["reads"]
    assert not diff(Plan.model_validate(dumped), source("replay file b")).forbidden
