"""Topic → PostgreSQL, exactly once: the offsets stand in the database and move in the transaction that brings the rows.

1. COPY the batch; 2. move the positions of its partitions, if they still are where this batch began (otherwise another
member has taken over, and everything is undone); 3. tell the dead letters; 4. commit. On assignment, reading goes on
from the positions in the database. Reading and decoding the next batch overlaps with this.
"""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from mesoscale import naming
from mesoscale.bindings import PostgreSQL
from mesoscale.contract.types import Contract
from mesoscale.errors import Reason
from mesoscale.ledger import Counts
from mesoscale.plan.types import Table
from mesoscale_streams.deadletter import DeadLetter, by_reason
from mesoscale_streams.kafka.letterbox import LetterBox
from mesoscale_streams.metrics import NodeMetrics
from mesoscale_streams.records.decode import Rejected
from mesoscale_streams.sinks import copy_binary, database
from mesoscale_streams.sinks.table import TableWriter
from mesoscale_streams.work import BeginAgain, Work

log = logging.getLogger(__name__)

PATIENCE = (
    240.0  # seconds for the database to come back; below max.poll.interval.ms, or the group would go on without us
)
PAUSE = 0.5  # seconds between two tries

# All partitions of a batch in one statement: what is waited for is the way to the server and back.
_MOVE = """
UPDATE {} AS p SET next_offset = moved.ends, read = p.read + moved.read, accepted = p.accepted + moved.accepted,
    rejected = p.rejected + moved.rejected, late = p.late + moved.late, produced = p.produced + moved.produced
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    AS moved (partition, begins, ends, read, accepted, rejected, late, produced)
WHERE node = %s AND topic = %s AND p.partition = moved.partition AND next_offset = begins
"""


class TableOutlet:
    """The rows of one member of a table sink's group."""

    def __init__(
        self,
        binding: PostgreSQL,
        table: Table,
        contract: Contract,
        topic: str,
        letterbox: LetterBox,
        letter: Callable[[Any, Rejected], DeadLetter],
        metrics: NodeMetrics,
    ) -> None:
        self._binding = binding
        self._table = table
        self._writer = TableWriter(table, contract)
        self._topic = topic
        self._move = self._positions(_MOVE)
        self._letterbox = letterbox
        self._letter = letter
        self._metrics = metrics
        self._connection: psycopg.Connection[Any] | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="copy")
        self._pending: Future[tuple[Work, float]] | None = None
        self._group_metadata: Callable[[], Any] = lambda: None
        self._committed: Callable[[dict[int, int]], None] = lambda ends: None

    def follow(self, group_metadata: Callable[[], Any], committed: Callable[[dict[int, int]], None]) -> None:
        """Be told of the group's member that reads, and tell it which offsets are safe."""
        self._group_metadata = group_metadata
        self._committed = committed

    def restore(self, consumer: Any, partitions: Sequence[int]) -> dict[int, int]:
        """Partition → offset, as the database has it; waits for a database that is away.

        Raises:
            psycopg.Error: it did not come back in PATIENCE seconds, or refuses us.
        """
        self._letterbox.restore(consumer, partitions)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._read_positions(partitions)
            except psycopg.Error as error:
                if not _passing(error) or time.monotonic() > deadline:
                    raise
                log.warning("waiting for the database: %s", _first_line(error))
                time.sleep(PAUSE)

    def write(self, work: Work) -> None:
        stream = copy_binary.encode(work.frame)  # while the one before is still being written
        self.settle()
        self._pending = self._worker.submit(self._make_safe, work, stream, self._group_metadata())

    def settle(self) -> None:
        if self._pending is None:
            return
        pending, self._pending = self._pending, None
        work, seconds = pending.result()
        self._committed(self._letterbox.at_least_told(work.batch.ends))
        self._metrics.committed(work.total, by_reason(work.letters), seconds)

    def close(self) -> None:
        self._worker.shutdown()
        self._letterbox.close()
        self._disconnect()

    def _make_safe(self, work: Work, stream: bytes, group_metadata: Any) -> tuple[Work, float]:
        """The steps of the first paragraph, on the worker's thread."""
        began = time.monotonic()
        try:
            connection = self._connected()
            self._writer.make_partitions(connection, work.frame)
            with connection.transaction():
                duplicates = self._writer.copy(connection, work.frame, stream)
                work = self._without(work, duplicates)
                self._move_positions(connection, work)
                self._letterbox.tell(work.letters, work.batch.ends, group_metadata)
        except psycopg.Error as error:
            self._disconnect()
            if _passing(error):
                raise BeginAgain(error.sqlstate or "connection", _first_line(error)) from error
            raise
        return work, time.monotonic() - began

    def _without(self, work: Work, duplicates: Sequence[int]) -> Work:
        """The work as it is when the rows at `duplicates` are in the table already."""
        if not duplicates:
            return work
        indices = [row if work.rows is None else work.rows[row] for row in duplicates]
        detail = f"{', '.join(self._writer.identity)} is in {self._table.schema_name}.{self._table.name} already"
        letters = [self._letter(work.batch, Rejected(index, Reason.DUPLICATE, detail)) for index in indices]
        counts = dict(work.counts)
        for partition, number in work.batch.spread(indices).items():
            counts[partition] += Counts(accepted=-number, rejected=number)
        first = min(counts)
        counts[first] += Counts(produced=-len(duplicates))
        return replace(work, letters=[*work.letters, *letters], counts=counts)

    def _move_positions(self, connection: psycopg.Connection[Any], work: Work) -> None:
        begins, ends = work.batch.begins, work.batch.ends
        rows = [(p, begins[p], ends[p], *work.counts[p].as_dict().values()) for p in begins]
        columns = [list(column) for column in zip(*rows, strict=True)]
        moved = connection.execute(self._move, (*columns, self._table.sink, self._topic)).rowcount
        if moved != len(work.batch.begins):
            raise BeginAgain("fenced", "another member of the group has written these records")

    def _read_positions(self, partitions: Sequence[int]) -> dict[int, int]:
        # A connection of its own: the other one may be in the middle of the worker's transaction.
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.executemany(
                self._positions(
                    "INSERT INTO {} (node, topic, partition, next_offset) VALUES (%s, %s, %s, 0) ON CONFLICT DO NOTHING"
                ),
                [(self._table.sink, self._topic, partition) for partition in partitions],
            )
            cursor.execute(
                self._positions(
                    "SELECT partition, next_offset FROM {} WHERE node = %s AND topic = %s AND partition = ANY(%s)"
                ),
                (self._table.sink, self._topic, list(partitions)),
            )
            found = dict(cursor.fetchall())
        return {partition: offset for partition, offset in found.items() if offset > 0}

    def _positions(self, statement: str) -> sql.Composed:
        return sql.SQL(statement).format(sql.Identifier(self._table.schema_name, naming.POSITIONS_TABLE))

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> psycopg.Connection[Any]:
        return database.connect(self._binding, f"meso {self._table.schema_name} {self._table.sink}")

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _passing(error: psycopg.Error) -> bool:
    """Whether trying again may help: rows that others wrote meanwhile are found as duplicates the next time."""
    return database.passing(error) or isinstance(error, psycopg.errors.UniqueViolation)


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
