"""The types of prometheus-operator, its operator, and a Prometheus that looks at all namespaces."""

from cluster import gobuild, image
from cluster.images import PREFIX, Recipe
from cluster.parts.part import FILES, Kubectl, Part, localised
from cluster.recipes import versions

COMPONENT = "prometheus-operator"
NAMESPACE = "monitoring"


def _operator_tag(command: str) -> str:
    return f"{PREFIX}{command}:{versions().components[COMPONENT].version}"


def _server_version() -> str:
    """As its releases are called: the module's v0.316.0 is 3.16.0."""
    _, minor, patch = versions().components["prometheus"].version.split(".")
    return f"v{int(minor) // 100}.{int(minor) % 100}.{patch}"


def _server_tag() -> str:
    return f"{PREFIX}prometheus:{_server_version()}"


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
    command = ("prometheus", "prometheus", "/bin/prometheus")
    server = image.Config(entrypoint=("/bin/prometheus",), user="65534", workdir="/prometheus")
    return *operators, Recipe(_server_tag(), server, commands=(command,))


def _set_up(kubectl: Kubectl) -> None:
    bundle = (gobuild.module_folder(COMPONENT) / "bundle.yaml").read_text(encoding="utf-8")
    kubectl.apply(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n")
    kubectl.apply(localised(bundle).replace("namespace: default", f"namespace: {NAMESPACE}"))
    kubectl.await_rollout(NAMESPACE, "deployment/prometheus-operator")
    server = (FILES / "prometheus.yaml").read_text(encoding="utf-8")
    kubectl.apply(server.replace("@prometheus@", _server_tag()).replace("@version@", _server_version()))
    kubectl("--namespace", NAMESPACE, "wait", "--for=condition=Available", "prometheus/all", "--timeout=170s")


def _set_up_types(kubectl: Kubectl) -> None:
    folder = gobuild.module_folder(COMPONENT) / "example" / "prometheus-operator-crd"
    kubectl("apply", "--server-side", "--force-conflicts", "--filename", folder)


TYPES = Part("prometheus-crds", ("crd/prometheusrules.monitoring.coreos.com",), _set_up_types)
PART = Part("prometheus", (f"--namespace={NAMESPACE}", "prometheus/all"), _set_up, _images)
