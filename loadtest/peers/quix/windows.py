"""Count and sum per account and minute, in Quix Streams: windows.py SERVERS INPUT OUTPUT GROUP STATE_FOLDER."""

import sys
from datetime import datetime, timedelta
from typing import Any

from quixstreams import Application
from quixstreams.dataframe.windows import Count, Sum


def moment(value: dict[str, Any], *_: object) -> int:
    """When it was paid, in ms since 1970."""
    return int(datetime.fromisoformat(value["occurred_at"]).timestamp() * 1000)


def row(result: dict[str, Any], key: str, *_: object) -> dict[str, Any]:
    """What is written."""
    return {
        "account": key,
        "window_start": result["start"],
        "window_end": result["end"],
        "payments": result["payments"],
        "total": result["total"],
    }


def main(servers: str, source: str, target: str, group: str, state: str) -> None:
    application = Application(
        broker_address=servers,
        consumer_group=group,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        state_dir=state,
        auto_create_topics=True,
        consumer_extra_config={"fetch.queue.backoff.ms": 5},
        loglevel="WARNING",
    )
    payments = application.topic(source, key_deserializer="str", timestamp_extractor=moment)
    totals = application.topic(target, key_serializer="str")
    frame = application.dataframe(payments)
    windows = frame.tumbling_window(timedelta(minutes=1), grace_ms=timedelta(seconds=5), name="totals")
    frame = windows.agg(payments=Count(), total=Sum("amount")).final(closing_strategy="partition")
    frame = frame.apply(row, metadata=True)
    frame.to_topic(totals)
    application.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
