"""Rules of one source, stage or sink, and of what stands in it."""

from mesoscale.errors import Reason
from mesoscale.model import sink, source, stage
from mesoscale.model.rule import Rule
from mesoscale.model.rules import stateful
from mesoscale.model.rules.fragments import (
    DAY,
    MINUTE,
    at_least,
    camel,
    inside,
    milliseconds,
    not_ours,
    one_kind,
    ordered,
    size_in_bytes,
)

LEAST_MEMORY = 256 << 20  # bytes

SOURCE = (
    one_kind("a source", camel(source.KINDS), "say where its records come from: replay: {dataset: nyc-2013}"),
    *not_ours("sources"),
)

REPLAY = (
    one_kind("replay", ("dataset", "file"), "a shipped data set, or a file beside the document"),
    inside("file"),
)

SYNTHETIC = (
    Rule(
        "!has(self.start) || self.start.size() > 10 && timestamp(self.start) > timestamp('1970-01-01T00:00:00Z')",
        "start is not an instant in UTC after 1970, such as 2024-01-01T00:00:00Z",
        field="start",
    ),
)

TOPIC = (
    at_least("retention", MINUTE, "one minute"),
    Rule(
        "self.partitions >= oldSelf.partitions",
        "partitions only grow, because fewer would put records of one key into two orders",
        field="partitions",
        hint="to have fewer, read from a new source or stage under another name",
        reason=Reason.FORBIDDEN_CHANGE,
    ),
)

STAGE = (
    one_kind("a stage", stage.KINDS, "use: forward for a built-in step, step: module:function for your own"),
    *not_ours("stages"),
    at_least("stepTimeout", 1_000, "one second"),
    Rule(
        f"!has(self.memoryLimit) || {size_in_bytes('self.memoryLimit')} >= {LEAST_MEMORY}",
        "is less than 256MiB, which a program holds before its first record",
        field="memoryLimit",
        found="self.memoryLimit",
    ),
    Rule(
        "!has(self.retries) || has(self.step) && !has(self.state)",
        "retries are for a step of your own that remembers nothing: records that are tried again lose their order",
        field="retries",
    ),
    *stateful.STAGE,
)

SINK = (
    one_kind("a sink", camel(sink.KINDS), "say where its records go: table: {}"),
    *not_ours("sinks"),
)

SCALE = (ordered("min", "max"),)

TABLE = (
    Rule(
        "!has(self.then) || has(self.keep)",
        "then is about rows that have passed keep, which is missing",
        field="then",
        hint="keep: 30d",
    ),
    Rule(
        "!has(self.keep) || has(self.partitionBy)",
        "keep needs partitionBy, because rows leave by whole table partitions",
        field="keep",
        hint="partitionBy: {column: observed_at, every: 1d}",
    ),
    Rule(
        "!has(self.keep) || self.keep.endsWith('d') || self.keep.endsWith('w')",
        "is not in whole days or weeks",
        field="keep",
        found="self.keep",
        hint="30d or 8w",
    ),
    Rule(
        "!has(self.keep) || !has(self.partitionBy) || !self.keep.matches('[dw]$') || "
        f"{milliseconds('self.keep')} >= {DAY} *"
        " (self.partitionBy.every == '1d' ? 1 : self.partitionBy.every == '1mo' ? 31 : 366)",
        "is less than one table partition (1d: 1d, 1mo: 31d, 1y: 366d)",
        field="keep",
        found="self.keep",
        hint="keep rows for longer, or partition by a shorter time",
    ),
    Rule(
        "it.all(a, it.exists_one(b, b == a))",
        "has a column twice",
        each="indexes",
        found="it.join(', ')",
    ),
    Rule(
        "self.indexes.all(a, self.indexes.exists_one(b, b == a))",
        "indexes has one of them twice",
        field="indexes",
    ),
    Rule(
        "has(self.partitionBy) == has(oldSelf.partitionBy) &&"
        " (!has(self.partitionBy) || self.partitionBy == oldSelf.partitionBy)",
        "partitionBy of a table that exists cannot change",
        field="partitionBy",
        hint="add a sink of another name with the new partitionBy, let it catch up, and remove the old one",
        reason=Reason.FORBIDDEN_CHANGE,
    ),
)
