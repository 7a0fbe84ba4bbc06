"""Every name that is derived from a document: topics, groups, transactional ids, SQL identifiers, metrics.

Document names are DNS-1123 labels (`weather-lake`): Kafka takes them as they are, SQL gets underscores.
"""

import hashlib

DNS_LABEL_PATTERN = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
COLUMN_PATTERN = r"^[a-z][a-z0-9_]*$"

DEAD_LETTER_SUFFIX = "dead-letter"
POSITIONS_TABLE = "meso_positions"
OBJECT_NAME_LENGTH = 52
HISTORY_TABLE = "meso_tables"


def topic(pipeline: str, node: str) -> str:
    """The topic that carries what `node` produces."""
    return f"{pipeline}.{node}"


def dead_letter_topic(pipeline: str, node: str) -> str:
    """The topic that keeps the records of `node`'s topic which somebody refused."""
    return f"{pipeline}.{node}.{DEAD_LETTER_SUFFIX}"


def positions_topic(pipeline: str) -> str:
    """The compacted topic in which sources remember how far they have read; `..` cannot occur in a node's topic."""
    return f"{pipeline}..positions"


def redriven_topic(pipeline: str) -> str:
    """The compacted topic that remembers which dead letters were sent back to their readers, and how many."""
    return f"{pipeline}..redriven"


def redriver(pipeline: str) -> str:
    """The transactional identity of who sends dead letters back: of two at once, the later shuts out the other."""
    return f"{pipeline}..redrive"


def state_topic(pipeline: str, node: str) -> str:
    """The compacted topic from which the state of a stage can be had again, partition by partition of its input."""
    return f"{pipeline}.{node}..state"


def late_topic(pipeline: str, node: str) -> str:
    """The topic that keeps the records which came too late for a stage, as they came."""
    return f"{pipeline}.{node}..late"


def retry_topic(pipeline: str, node: str) -> str:
    """The topic in which records wait until a stage's step tries them again; as a group, who sends them to it then."""
    return f"{pipeline}.{node}..retry"


def trial_group(pipeline: str, node: str) -> str:
    """The group whose offsets say which records are with a stage's step that may end its program."""
    return f"{pipeline}.{node}..trial"


def group(pipeline: str, node: str) -> str:
    """The consumer group of a stage or sink."""
    return f"{pipeline}.{node}"


def transactional_id(pipeline: str, node: str, instance: int) -> str:
    """The identity under which one process writes; a second process with it fences the first."""
    return f"{pipeline}.{node}.{instance}"


def object_name(pipeline: str, *parts: str) -> str:
    """The name of an object in a cluster: `nyc-comfort-by-hour`; the end of one that is too long becomes its hash.

    At most 52 characters, so that what Kubernetes puts after the name of a StatefulSet (ten of a revision) or of a Job
    still fits into a label's 63.
    """
    name = "-".join((pipeline, *parts))
    if len(name) <= OBJECT_NAME_LENGTH:
        return name
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: OBJECT_NAME_LENGTH - 9].rstrip('-')}-{mark}"


def sql_name(name: str) -> str:
    """A document's name as an SQL identifier: schemas are pipelines, tables are sinks."""
    return name.replace("-", "_")


def shadow_table(table: str, mark: str) -> str:
    """The table that holds the rows of a replay beside a live one: `observations__shadow_4f12ab`."""
    return f"{table}__shadow_{mark}"


def table_partition(table: str, start: str) -> str:
    """The table partition that begins at `start` (ISO date or its prefix): `observations_p2013_01_31`."""
    return f"{table}_p{start.replace('-', '_')}"
