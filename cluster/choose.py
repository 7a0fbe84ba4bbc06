"""Which cluster is used on this machine."""

import os
from pathlib import Path
from typing import Protocol

from cluster import given, kind
from cluster.bare import Bare


class Cluster(Protocol):
    """What can be asked of each kind of cluster; see `bare.Bare`."""

    @property
    def name(self) -> str: ...
    @property
    def kubeconfig(self) -> Path: ...
    def build(self) -> None: ...
    def up(self, audit: bool) -> None: ...
    def kubectl(self) -> Path: ...
    def load(self, archive: Path) -> None: ...
    def down(self) -> None: ...


def choose() -> Cluster:
    """The one that is named, else kind's, else the bare one."""
    if named := os.environ.get(given.VARIABLE):
        return given.Given(Path(named))
    if kind.possible():
        return kind.Kind()
    return Bare()
