"""Count and sum per account and minute, in Structured Streaming: windows.py SERVERS INPUT OUTPUT JARS CHECKPOINTS."""

import sys
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812  # its customary name

SETTINGS = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    ),
    "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
    "spark.ui.enabled": "false",
}
RECORDS = 200_000  # at most in a micro-batch


def main(servers: str, source: str, target: str, jars: str, checkpoints: str) -> None:
    builder = SparkSession.builder.master("local[2]").config(map=SETTINGS)
    spark = builder.config("spark.jars", ",".join(map(str, sorted(Path(jars).glob("*.jar"))))).getOrCreate()
    read = spark.readStream.format("kafka").option("kafka.bootstrap.servers", servers).option("subscribe", source)
    payments = (
        read.option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", RECORDS)
        .load()
        .select(
            F.from_json(F.col("value").cast("string"), "account STRING, occurred_at TIMESTAMP, amount LONG").alias("p")
        )
        .select("p.*")
    )
    totals = (
        payments.withWatermark("occurred_at", "5 seconds")
        .groupBy(F.window("occurred_at", "1 minute"), "account")
        .agg(F.count("*").alias("payments"), F.sum("amount").alias("total"))
        .select(
            "account",
            F.col("window.start").alias("window_start"),
            F.col("window.end").alias("window_end"),
            "payments",
            "total",
        )
    )
    written = totals.select(F.col("account").alias("key"), F.to_json(F.struct(*totals.columns)).alias("value"))
    query = (
        written.writeStream.format("kafka")
        .option("kafka.bootstrap.servers", servers)
        .option("topic", target)
        .option("checkpointLocation", checkpoints)
        .outputMode("append")
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    print("committed", flush=True)
    sys.stdin.read()  # what it has cost is looked up before it ends


if __name__ == "__main__":
    main(*sys.argv[1:])
