"""CloudNativePG: PostgreSQL by an operator, with an image that has pg_cron."""

from cluster import gobuild, image
from cluster.images import MACHINE, PREFIX, Recipe, tag
from cluster.parts.part import Kubectl, Part, localised
from cluster.recipes import versions

COMPONENT = "cloudnative-pg"
NAMESPACE = "cnpg-system"
SERVER = f"{PREFIX}postgresql:15"
BINARIES = "/usr/lib/postgresql/15/bin"


def _images() -> tuple[Recipe, ...]:
    # the operator copies itself into each database pod, by the name of the pod's architecture
    command = (COMPONENT, "manager", "/manager"), (COMPONENT, "manager", f"/operator/manager_{MACHINE}")
    operator = Recipe(tag(COMPONENT), image.Config(entrypoint=("/manager",), user="65532:65532"), commands=command)
    config = image.Config(user="26:26", env={"PATH": f"{BINARIES}:{image.PATH}"})
    return operator, Recipe(SERVER, config, root="postgresql")


def _set_up(kubectl: Kubectl) -> None:
    release = f"cnpg-{versions().components[COMPONENT].version.removeprefix('v')}.yaml"
    manifest = gobuild.module_folder(COMPONENT) / "releases" / release
    kubectl.apply(localised(manifest.read_text(encoding="utf-8")))
    kubectl.await_rollout(NAMESPACE, "deployment/cnpg-controller-manager")


PART = Part(COMPONENT, (f"--namespace={NAMESPACE}", "deployment/cnpg-controller-manager"), _set_up, _images)
