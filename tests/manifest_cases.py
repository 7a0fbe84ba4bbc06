"""Documents whose Kubernetes objects are written down: the examples, and those beside what is written of them.

`.venv/bin/python tests/manifest_cases.py` writes the golden files anew.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mesoscale import document, manifests, plan
from mesoscale.graph.build import build
from mesoscale.manifests.installation import Installation, parse
from mesoscale.manifests.types import Child, Manifest

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden" / "manifests"
NAMESPACE = "weather"


@dataclass(frozen=True)
class Case:
    """A document, and what the installation says; both as text."""

    name: str
    text: str
    installation: str = ""

    def children(self) -> tuple[Child, ...]:
        return children(self.text, parse(self.installation, f"{self.name}, installation"))


def children(text: str, installation: Installation | None = None) -> tuple[Child, ...]:
    """All objects of a document."""
    parsed = document.parse(text, "p.yaml")
    graph = build(parsed.pipeline, parsed.locate)
    planned = plan.build(graph, parsed.locate, plan.CLUSTER)
    return manifests.build(graph, planned, installation or Installation(), NAMESPACE)


def cases() -> list[Case]:
    """All of them: one for each example, one for each file of two documents beside the golden ones."""
    examples = [Case(path.stem, path.read_text()) for path in sorted((ROOT / "examples").glob("*.yaml"))]
    own = [Case(path.stem, *path.read_text().split("\n---\n")) for path in sorted(GOLDEN.glob("*.yaml"))]
    return examples + own


class Plain(yaml.SafeDumper):
    """What occurs twice is written twice, and texts over several lines stay readable."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Plain.add_representer(str, _text)


def written(case: Case) -> dict[str, str]:
    """File name → all objects of one kind."""
    by_kind: dict[str, list[Manifest]] = {}
    for child in case.children():
        by_kind.setdefault(f"{child.manifest['kind']}.yaml", []).append(child.manifest)
    return {
        name: yaml.dump_all(many, Dumper=Plain, sort_keys=False, allow_unicode=True, width=120)
        for name, many in by_kind.items()
    }


def write() -> None:
    """All golden files, and none beside them."""
    for case in cases():
        folder = GOLDEN / case.name
        folder.mkdir(parents=True, exist_ok=True)
        files = written(case)
        for file in folder.glob("*.yaml"):
            if file.name not in files:
                file.unlink()
        for name, text in files.items():
            (folder / name).write_text(text)


if __name__ == "__main__":
    write()
