"""Quantities as Kubernetes writes them, in its canonical form: what it stores then equals what was sent.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from mesoscale import units
from mesoscale.manifests.installation import Program

_DECIMAL = (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3))
_BINARY = (("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10))


def binary(size: str) -> str:
    """A size of ours: `10GiB` → `10Gi`, `1024MiB` → `1Gi`."""
    return of_bytes(units.size_bytes(size))


def number_of_bytes(quantity: str) -> int:
    """`1Gi` → 1073741824, `500M` → 500000000.

    Raises:
        ValueError: it is no quantity of bytes in canonical form.
    """
    for suffix, unit in (*_BINARY, *_DECIMAL):
        if quantity.endswith(suffix):
            return int(quantity.removesuffix(suffix)) * unit
    return int(quantity)


def of_bytes(number: int) -> str:
    """1073741824 → `1Gi`."""
    for suffix, unit in _BINARY:
        if number and number % unit == 0:
            return f"{number // unit}{suffix}"
    return str(number)


def resources(program: Program) -> dict[str, dict[str, str]]:
    """What a container asks for and may have."""
    parts = {"requests": program.requests.quantities(), "limits": program.limits.quantities()}
    return {name: amounts for name, amounts in parts.items() if amounts}
