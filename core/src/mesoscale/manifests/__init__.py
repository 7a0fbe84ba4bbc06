"""Plan + installation → Kubernetes objects, as values. One module per kind of child, each one pure function."""

from mesoscale.manifests.build import build
from mesoscale.manifests.fields import managed, wanted
from mesoscale.manifests.installation import Installation
from mesoscale.manifests.types import KINDS, Child, Key, Kind, Manifest, key, kind_of

__all__ = ["KINDS", "Child", "Installation", "Key", "Kind", "Manifest", "build", "key", "kind_of", "managed", "wanted"]
