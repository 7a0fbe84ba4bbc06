"""The Kafka clusters of the stack are what Strimzi's own definitions allow."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from fix_helm import KUBERNETES, Helm
from fix_installed import Kubectl

STACK = Path(__file__).parents[2] / "charts" / "stack"


@pytest.mark.parametrize("profile", ["kind", "production"])
def test_clusters_and_pools_are_taken(
    helm: Helm, kubectl: Kubectl, namespace: Callable[[str], str], tmp_path: Path, profile: str
) -> None:
    kinds = kubectl("api-resources", "--api-group=kafka.strimzi.io", "--output=name")
    if "kafkanodepools" not in kinds:
        pytest.skip("!!! NOT TESTED: Kafka clusters of the stack (no Strimzi kinds); `make cluster-parts`")
    chart = tmp_path / "stack"
    (chart / "templates").mkdir(parents=True)
    own = yaml.safe_load((STACK / "Chart.yaml").read_text()) | {"dependencies": []}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(own))
    for name in ("values.yaml", "templates/kafka.yaml"):
        (chart / name).write_text((STACK / name).read_text())
    options = (
        "--values",
        STACK / "profiles" / f"{profile}.yaml",
        "--set",
        f"kafka.namespaces={{{namespace('stack')}}}",
    )
    rendered = helm("template", "stack", chart, "--kube-version", KUBERNETES, *options).stdout
    said = kubectl("apply", "--server-side", "--dry-run=server", "--filename=-", text=rendered)
    assert said.count("kafkanodepool") == (1 if profile == "kind" else 2)
    assert said.count("kafka.kafka.strimzi.io/") == 1
