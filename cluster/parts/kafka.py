"""A Kafka broker as a StatefulSet, for tests: from the jars that one machine's runs use as well."""

from pathlib import Path

from cluster import image, store
from cluster.images import MACHINE, PREFIX, Recipe
from cluster.parts.part import FILES, Kubectl, Part

LAYER = "kafka.tar"
LOCK = Path(__file__).parents[2] / "local/src/mesoscale_local/services/kafka-jars.lock"
NAMESPACE = "kafka"


def layer() -> store.Thing:
    """The jars as a layer of an image."""
    return store.Thing("kafka", (LOCK.read_text(encoding="utf-8"),), _fill)


def _fill(folder: Path) -> None:
    from mesoscale_local.services import jars  # the rest of this tool does without anything that is installed

    image.layer(folder / LAYER, [image.Addition(jars.provide(lambda _: None), "/opt/kafka/jars")])


def _version() -> str:
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    return next(line.split()[0].split(":")[2] for line in lines if line.startswith("org.apache.kafka:kafka_2.13:"))


def _tag() -> str:
    return f"{PREFIX}kafka:{_version()}"


def _images() -> tuple[Recipe, ...]:
    files = tuple(
        image.Addition(FILES / name, f"/opt/kafka/{name}") for name in ("kafka-start.sh", "log4j2.properties")
    )
    config = image.Config(
        entrypoint=("/opt/kafka/kafka-start.sh",),
        env={"JAVA_HOME": f"/usr/lib/jvm/java-17-openjdk-{MACHINE}"},
        user="1001",
        workdir="/opt/kafka",
    )
    return (Recipe(_tag(), config, root="java", layers=((layer(), LAYER),), files=files),)


def _set_up(kubectl: Kubectl) -> None:
    kubectl.apply((FILES / "kafka.yaml").read_text(encoding="utf-8").replace("@kafka@", _tag()))
    kubectl.await_rollout(NAMESPACE, "statefulset/kafka")


PART = Part("kafka", (f"--namespace={NAMESPACE}", "statefulset/kafka"), _set_up, _images)
