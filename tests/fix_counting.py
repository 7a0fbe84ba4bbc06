"""A stage that numbers the payments of each account: its output shows each record that it missed or met twice."""

from collections import defaultdict
from collections.abc import Iterable

import orjson
from fix_pipeline import RECORD, Pipeline

STEP = """\
import polars as pl

def number(frame, state):
    before = frame.join(state, on="account", how="left", maintain_order="left")
    told = before.select(
        "transaction_id",
        "account",
        number=pl.col("seen").fill_null(0) + pl.int_range(1, pl.len() + 1).over("account"),
        spent=(pl.col("spent").fill_null(0.0) + pl.col("amount").cum_sum().over("account")).round(2),
    )
    last = told.group_by("account", maintain_order=True).last()
    return told, last.select("account", seen="number", spent="spent")
"""
SPEC = """\
  contracts:
    - name: numbered
      version: 1
      key: [account]
      columns:
        - {name: transaction_id, type: string}
        - {name: account, type: string}
        - {name: number, type: int64}
        - {name: spent, type: float64}
  sources:
    - {name: payments, contract: transaction, synthetic: {perSecond: 100}}
  stages:
    - name: count
      from: payments
      step: "own_steps:number"
      contract: numbered
      state: {key: [account], columns: [{name: seen, type: int64}, {name: spent, type: float64}]}
"""


def numbered(sent: Iterable[RECORD]) -> list[tuple[str, str, int, float]]:
    """What the step makes of all records, in plain Python."""
    seen: dict[str, int] = defaultdict(int)
    spent: dict[str, float] = defaultdict(float)
    told = []
    for _, value in sent:
        one = orjson.loads(value or b"")
        seen[one["account"]] += 1
        spent[one["account"]] = round(spent[one["account"]] + one["amount"], 2)
        told.append((one["transaction_id"], one["account"], seen[one["account"]], spent[one["account"]]))
    return sorted(told)


def told(here: Pipeline) -> list[tuple[str, str, int, float]]:
    return sorted(tuple(orjson.loads(value or b"").values()) for value in here.values("count"))
