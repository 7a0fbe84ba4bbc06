"""KEDA: workloads scaled by what waits for them, such as the lag of a consumer group."""

from cluster import gobuild, image
from cluster.images import PREFIX, Recipe
from cluster.parts.part import Kubectl, Part, localised

COMPONENT = "keda"


def _images() -> tuple[Recipe, ...]:
    # named as KEDA's own manifests have them
    return tuple(
        Recipe(
            f"{PREFIX}{name}:main",
            image.Config(entrypoint=(f"/{command}",), user="65532:65532"),
            commands=((COMPONENT, command, f"/{command}"),),
        )
        for name, command in (("keda", "keda"), ("keda-metrics-apiserver", "keda-adapter"))
    )


def _set_up(kubectl: Kubectl) -> None:
    folder = gobuild.module_folder(COMPONENT) / "config" / "minimal"
    kubectl.apply(localised(kubectl("kustomize", folder)))
    for workload in ("deployment/keda-operator", "deployment/keda-metrics-apiserver"):
        kubectl.await_rollout("keda", workload)


def _set_up_types(kubectl: Kubectl) -> None:
    folder = gobuild.module_folder(COMPONENT) / "config" / "crd"
    kubectl.apply(kubectl("kustomize", folder))


TYPES = Part("keda-crds", ("crd/scaledobjects.keda.sh",), _set_up_types)
PART = Part(COMPONENT, ("--namespace=keda", "deployment/keda-operator"), _set_up, _images)
