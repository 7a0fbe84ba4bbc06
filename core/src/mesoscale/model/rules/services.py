"""Rules of the services and the code of a pipeline in a cluster."""

from mesoscale.errors import Reason
from mesoscale.model.rule import Rule
from mesoscale.model.rules.fragments import exactly_one, size_in_bytes

_LEFT_BEHIND = "let a pipeline of another name fill the new one, and remove this one when it has caught up"


def _same(field: str) -> str:
    return f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"


KAFKA = (
    Rule(
        "!has(self.cluster) || !has(self.bootstrapServers)",
        "cluster names brokers that Strimzi runs here, bootstrapServers brokers of your own; one of them is too many",
        field="cluster",
    ),
    Rule(
        "!has(self.secret) || has(self.bootstrapServers)",
        "secret says how to log in to brokers of your own, and bootstrapServers, which names them, is missing",
        field="secret",
        hint="bootstrapServers: kafka-0.example.com:9093,kafka-1.example.com:9093",
    ),
    Rule(
        _same("cluster"),
        "the Kafka cluster of a pipeline stays, because its records and positions lie there",
        field="cluster",
        hint=_LEFT_BEHIND,
        reason=Reason.FORBIDDEN_CHANGE,
    ),
    Rule(
        "has(self.bootstrapServers) == has(oldSelf.bootstrapServers)",
        "a pipeline cannot move between brokers of your own and those of the installation",
        field="bootstrapServers",
        hint=_LEFT_BEHIND,
        reason=Reason.FORBIDDEN_CHANGE,
    ),
)

POSTGRESQL = (
    Rule(
        "!has(self.secret) || !has(self.instances) && !has(self.storage)",
        "secret names a database of your own, and instances and storage are those of one that is made",
        field="secret",
    ),
    Rule(
        _same("secret"),
        "the database of a pipeline stays, because its rows and positions lie there",
        field="secret",
        hint=_LEFT_BEHIND,
        reason=Reason.FORBIDDEN_CHANGE,
    ),
    Rule(
        "!has(self.storage) || !has(oldSelf.storage) ||"
        f" {size_in_bytes('self.storage')} >= {size_in_bytes('oldSelf.storage')}",
        "storage only grows",
        field="storage",
        reason=Reason.FORBIDDEN_CHANGE,
    ),
)

CODE = (
    Rule(
        exactly_one(("configMap", "image")),
        "code has exactly one of configMap, image",
        hint="configMap: nyc-code for single files, image: registry.example.com/team/steps:1.2 for packages",
    ),
)
