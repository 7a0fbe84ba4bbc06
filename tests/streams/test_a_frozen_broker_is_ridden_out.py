"""A broker that stands still for longer than its clients wait, and then goes on as if nothing had been.

Unlike a killed one it closes no connection, so whoever asked it something gets no answer and no error. A program either
bears that or ends and says why, and is then started anew as a supervisor would; it never stays without doing anything.
"""

import signal
import threading
import time
from collections.abc import Callable

import pytest
from fix_pipeline import Pipeline, ids, payments, until
from fix_services import Running

COUNT = 4_000
FROZEN = 25.0  # seconds: beyond the session of a group's member and the limit of an answer about a transaction
STARTED_ANEW = 2  # times, of both together
SPEC = """\
  sources:
    - {name: payments, contract: transaction, synthetic: {perSecond: 100}}
  stages:
    - {name: pass, from: payments, use: forward}
  sinks:
    - {name: rows, from: payments, table: {}}
"""


@pytest.mark.timeout(280)
def test_stage_and_sink_go_on_and_each_record_is_there_once(
    pipeline: Callable[[str, str], Pipeline], broker: Running
) -> None:
    here, sent = pipeline("frozen", SPEC), payments(COUNT)

    def trickle() -> None:
        """Records all the time, so that a transaction is open when the broker stops."""
        for start in range(0, COUNT, 20):
            here.send("payments", sent[start : start + 20])
            time.sleep(0.02)

    sending = threading.Thread(target=trickle)
    programs = {node: here.start(node) for node in ("pass", "rows")}
    sending.start()
    until(lambda: bool(here.values("pass")), "first records")
    broker.process.send_signal(signal.SIGSTOP)
    time.sleep(FROZEN)
    broker.process.send_signal(signal.SIGCONT)
    sending.join(90)
    assert not sending.is_alive()

    def done() -> bool:
        for node, program in programs.items():
            if program.poll() is not None:
                programs[node] = here.start(node)
        return here.stage_done("pass", "payments") and here.sink_done("rows", "payments")

    until(done, "all is done")
    assert len(here.programs) <= 2 + STARTED_ANEW, here.log()
    for program in programs.values():
        here.stop(program)
    assert ids(here.values("pass")) == ids(value for _, value in sent)
    found = here.rows("SELECT transaction_id, count(*) FROM rows GROUP BY 1")
    assert {str(name): number for name, number in found} == ids(value for _, value in sent)
