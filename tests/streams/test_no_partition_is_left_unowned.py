"""A member of a group that dies while it gives partitions up leaves none of them to nobody.

Cooperative rebalancing takes two rounds: partitions are given up in the first and given to another in the second.
Whoever dies between the two must not come back as a member that the group believes to have never been away.
"""

import os
import subprocess
import sys
from uuid import uuid4

from confluent_kafka.admin import AdminClient, NewTopic
from fix_pipeline import until

from mesoscale.bindings import Kafka

PARTITIONS = 6
PATIENCE = 60.0  # seconds; a member that died is missed after six
DIED = 9
MEMBER = """\
import os, sys
from mesoscale.bindings import Kafka
from mesoscale_streams.kafka.reader import GroupReader

bootstrap, topic, instance, exit_code = sys.argv[1:]
held = None
reader = GroupReader(
    Kafka(bootstrap), group=topic, instance=int(instance), topic=topic,
    restore=lambda consumer, partitions: {},
    settle=lambda: os._exit(int(exit_code)) if int(exit_code) else None,
    on_rebalance=lambda: None,
)
while True:
    reader.read()
    if reader.partitions != held:
        held = reader.partitions
        print(" ".join(map(str, sorted(held))), flush=True)
"""


class Member:
    """A process that reads the topic and prints which partitions it has, each time they change.

    With an exit code it ends with that instead of giving partitions up.
    """

    def __init__(self, kafka: Kafka, topic: str, instance: int, exit_code: int = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", MEMBER, kafka.bootstrap_servers, topic, str(instance), str(exit_code)],
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.out = self.process.stdout
        self._said = b""

    def held(self) -> set[int]:
        os.set_blocking(self.out.fileno(), False)
        self._said += self.out.read() or b""
        lines = self._said.decode().splitlines()
        return {int(number) for number in lines[-1].split()} if lines else set()


def test_a_member_that_dies_while_it_gives_partitions_up(kafka: Kafka) -> None:
    topic = f"unowned-{uuid4().hex[:8]}"
    client = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    client.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(30)
    members = [Member(kafka, topic, 0, exit_code=DIED)]
    try:
        until(lambda: len(members[0].held()) == PARTITIONS, "the first member has all")
        members.append(Member(kafka, topic, 1))
        assert members[0].process.wait(PATIENCE) == DIED  # it was asked to give up half of them
        members[0] = Member(kafka, topic, 0)
        until(lambda: covered(members), "every partition has a member")
    finally:
        for member in members:
            member.process.kill()
            member.process.wait()
            member.out.close()


def covered(members: list[Member]) -> bool:
    return sorted(partition for member in members for partition in member.held()) == list(range(PARTITIONS))
