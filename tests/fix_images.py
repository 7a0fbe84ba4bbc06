"""Images of this checkout in the cluster, named by what they are made from: others cannot change them under a test."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from fix_installed import Kubectl

from cluster import choose
from images import build, recipe

ROOT = Path(__file__).parents[1]
MADE_FROM = ("core/src", "streams/src", "dashboard/src", "operator/src", "requirements", "images")
NAMES = ("operator", "streams")
VERSION = "org.opencontainers.image.version"


def _content() -> str:
    """What the images are made from, as one short word."""
    whole = hashlib.sha256()
    for path in _files():
        whole.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()[:12]


def _files() -> Iterator[Path]:
    for folder in MADE_FROM:
        yield from sorted(path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc")


@pytest.fixture(scope="session")
def images_of_the_checkout(kubectl: Kubectl) -> Mapping[str, str]:
    """Their names with tags."""
    return provide(kubectl)


def provide(kubectl: Kubectl) -> Mapping[str, str]:
    """Make and load them unless the node has them already; their names with tags."""
    version = f"tests-{_content()}"
    there = kubectl("get", "nodes", "--output=jsonpath={.items[*].status.images[*].names}")
    tags = {}
    for name in NAMES:
        read = recipe.read(name)
        named = replace(read, config=replace(read.config, labels={**read.config.labels, VERSION: version}))
        tags[name] = named.tag
        if named.tag not in there:
            choose.choose().load(build.archive(named))
    return tags
