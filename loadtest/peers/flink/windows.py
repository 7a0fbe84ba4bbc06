"""Count and sum per account and minute, in Flink SQL: windows.py SERVERS INPUT OUTPUT NAME JARS CHECKPOINTS."""

import sys
from pathlib import Path

from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

SETTINGS = {
    "parallelism.default": "2",
    "execution.runtime-mode": "STREAMING",
    "execution.checkpointing.mode": "EXACTLY_ONCE",
    "execution.checkpointing.interval": "1 s",
    "execution.checkpointing.unaligned.enabled": "false",
    "state.backend.type": "hashmap",
    "pipeline.object-reuse": "true",
    "table.local-time-zone": "UTC",
    "table.optimizer.agg-phase-strategy": "TWO_PHASE",
    "taskmanager.memory.managed.size": "128m",
}
PAYMENTS = """
CREATE TABLE payments (
  account STRING, occurred_at TIMESTAMP_LTZ(3), amount BIGINT,
  WATERMARK FOR occurred_at AS occurred_at - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka', 'topic' = '{input}', 'properties.bootstrap.servers' = '{servers}',
  'properties.group.id' = '{name}', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
  'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601'
)"""
TOTALS = """
CREATE TABLE totals (
  account STRING, window_start TIMESTAMP(3), window_end TIMESTAMP(3), payments BIGINT, total BIGINT
) WITH (
  'connector' = 'kafka', 'topic' = '{output}', 'properties.bootstrap.servers' = '{servers}',
  'key.format' = 'raw', 'key.fields' = 'account',
  'value.format' = 'json', 'value.fields-include' = 'ALL', 'value.json.timestamp-format.standard' = 'ISO-8601',
  'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = '{name}',
  'properties.transaction.timeout.ms' = '600000'
)"""
JOB = """
INSERT INTO totals
SELECT account, window_start, window_end, COUNT(*), SUM(amount)
FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(occurred_at), INTERVAL '1' MINUTE))
GROUP BY account, window_start, window_end"""


def main(servers: str, source: str, target: str, name: str, jars: str, checkpoints: str) -> None:
    configuration = Configuration()
    for key, value in SETTINGS.items():
        configuration.set_string(key, value)
    configuration.set_string("pipeline.jars", ";".join(jar.as_uri() for jar in sorted(Path(jars).glob("*.jar"))))
    configuration.set_string("execution.checkpointing.dir", Path(checkpoints).as_uri())
    tables = TableEnvironment.create(EnvironmentSettings.new_instance().with_configuration(configuration).build())
    for statement in (PAYMENTS, TOTALS):
        tables.execute_sql(statement.format(servers=servers, input=source, output=target, name=name))
    tables.execute_sql(JOB).wait()
    print("committed", flush=True)
    sys.stdin.read()  # what it has cost is looked up before it ends


if __name__ == "__main__":
    main(*sys.argv[1:])
