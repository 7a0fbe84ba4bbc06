"""Quantities as Kubernetes writes them, in its canonical form: what it stores then equals what was sent.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from mesoscale import units
from mesoscale.manifests.installation import Program

_SUFFIXES = (("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10))


def binary(size: str) -> str:
    """A size of ours: `10GiB` → `10Gi`, `1024MiB` → `1Gi`."""
    number = units.size_bytes(size)
    for suffix, unit in _SUFFIXES:
        if number and number % unit == 0:
            return f"{number // unit}{suffix}"
    return str(number)


def resources(program: Program) -> dict[str, dict[str, str]]:
    """What a container asks for and may have."""
    parts = {"requests": program.requests.quantities(), "limits": program.limits.quantities()}
    return {name: amounts for name, amounts in parts.items() if amounts}
