"""Kubeflow's Spark operator, and an image of Spark itself out of PyPI's package, which holds all of it."""

import sys
import tempfile
from pathlib import Path

from cluster import commands, gobuild, image, store
from cluster.images import MACHINE, PREFIX, Recipe
from cluster.parts.part import FILES, Kubectl, Part
from cluster.recipes import versions

COMPONENT = "spark-operator"
JOBS = "jobs"  # a namespace with an account for drivers; applications of all namespaces are looked after
LAYER = "pyspark.tar"
REQUIREMENTS = Path(__file__).parents[1] / "pyspark.txt"
CHART = Path("charts", "spark-operator-chart")


def spark_tag() -> str:
    """The name of the image that drivers and executors run in."""
    return f"{PREFIX}spark:{versions().pyspark}"


def layer() -> store.Thing:
    """PyPI's package as a layer of an image; what it needs of Py4J lies in it too."""
    return store.Thing("pyspark", (REQUIREMENTS.read_text(encoding="utf-8"),), _fill)


def _fill(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "spark"
        install = ["uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--link-mode=copy"]
        commands.run([*install, f"--python={sys.executable}", f"--target={target}", "--requirement", REQUIREMENTS])
        image.layer(folder / LAYER, [image.Addition(target / "pyspark", "/opt/spark")])


def _images() -> tuple[Recipe, ...]:
    env = {
        "SPARK_HOME": "/opt/spark",
        "PYSPARK_PYTHON": "python3",
        "JAVA_HOME": f"/usr/lib/jvm/java-17-openjdk-{MACHINE}",
    }
    return (
        Recipe(
            spark_tag(),
            image.Config(entrypoint=("/opt/start.sh",), env=env, user="185", workdir="/opt/spark"),
            root="java",
            layers=((layer(), LAYER),),
            commands=((COMPONENT, "spark-operator", "/usr/bin/spark-operator"),),
            files=(image.Addition(FILES / "spark-start.sh", "/opt/start.sh"),),
        ),
    )


def _set_up(kubectl: Kubectl) -> None:
    helm = store.provide(gobuild.built("helm")) / "helm"
    kubectl.apply(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {JOBS}}}\n")
    values = {
        "webhook.enable": "false",
        "image.registry": PREFIX.rstrip("/"),
        "image.repository": "spark",
        "image.tag": versions().pyspark,
        "spark.jobNamespaces": f"{{,{JOBS}}}",
    }
    chart = gobuild.module_folder(COMPONENT) / CHART
    kubectl("apply", "--server-side", "--force-conflicts", "--filename", chart / "crds")
    where = [f"--kubeconfig={kubectl.kubeconfig}", "--namespace=spark-operator", "--create-namespace"]
    options = ["--skip-crds", "--wait", "--timeout=180s", *(f"--set={name}={value}" for name, value in values.items())]
    commands.run([str(helm), "upgrade", "--install", "spark", str(chart), *where, *options], seconds=240)


PART = Part(
    "spark",
    ("--namespace=spark-operator", "deployment/spark-spark-operator-controller"),
    _set_up,
    _images,
    lambda: (gobuild.built("helm"),),
)
