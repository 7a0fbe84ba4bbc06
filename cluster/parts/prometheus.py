"""The types of prometheus-operator, its operator, and Debian's Prometheus for it to run."""

from cluster import gobuild, image
from cluster.images import PREFIX, Recipe
from cluster.parts.part import Kubectl, Part, localised
from cluster.recipes import versions

COMPONENT = "prometheus-operator"
NAMESPACE = "monitoring"
SERVER = f"{PREFIX}prometheus:2.42.0"


def _operator_tag(command: str) -> str:
    return f"{PREFIX}{command}:{versions().components[COMPONENT].version}"


def _images() -> tuple[Recipe, ...]:
    commands = (("prometheus-operator", "operator"), ("prometheus-config-reloader", "prometheus-config-reloader"))
    operators = (
        Recipe(
            _operator_tag(name),
            image.Config(entrypoint=(f"/bin/{command}",), user="65534"),
            commands=((COMPONENT, command, f"/bin/{command}"),),
        )
        for name, command in commands
    )
    server = image.Config(entrypoint=("/usr/bin/prometheus",), user="65534")
    return *operators, Recipe(SERVER, server, root="prometheus")


def _set_up(kubectl: Kubectl) -> None:
    bundle = (gobuild.module_folder(COMPONENT) / "bundle.yaml").read_text(encoding="utf-8")
    kubectl.apply(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n")
    kubectl.apply(localised(bundle).replace("namespace: default", f"namespace: {NAMESPACE}"))
    kubectl.await_rollout(NAMESPACE, "deployment/prometheus-operator")


def _set_up_types(kubectl: Kubectl) -> None:
    folder = gobuild.module_folder(COMPONENT) / "example" / "prometheus-operator-crd"
    kubectl("apply", "--server-side", "--force-conflicts", "--filename", folder)


TYPES = Part("prometheus-crds", _set_up_types)
PART = Part("prometheus", _set_up, _images)
