"""Random numbers that depend on their name only: seed and keys give the same draw in any order, anywhere.

SplitMix64 (Steele, Lea, Flood 2014, "Fast Splittable Pseudorandom Number Generators") is used as a hash, so
a payment can be made without the ones before it. A generator with a state would have to be run up to there
first.
"""

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bits = NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio, SplitMix64's increment
_64_BITS = 0xFFFF_FFFF_FFFF_FFFF


@dataclass(frozen=True)
class Draws:
    """One independent stream of draws per element; each draw has a name."""

    state: Bits

    @classmethod
    def of(cls, seed: int, what: str, keys: Ints) -> "Draws":
        """Streams for the things `keys` number, of the sort `what`."""
        root = np.array([(seed ^ (crc32(what.encode()) << 32)) & _64_BITS], dtype=np.uint64)
        return cls(_mixed(_mixed(root) ^ keys.astype(np.uint64)))

    def __getitem__(self, where: Any) -> "Draws":
        """The streams of some of the elements (mask or index)."""
        return Draws(self.state[where])

    def derive(self, name: str, keys: Ints) -> "Draws":
        """Streams for things that belong to these elements, numbered by `keys`."""
        return Draws(_mixed(self.bits(name) ^ keys.astype(np.uint64)))

    def bits(self, name: str) -> Bits:
        """64 random bits per element."""
        return _mixed(self.state + np.uint64(crc32(name.encode()) * _GOLDEN & _64_BITS))

    def uniform(self, name: str) -> Floats:
        """Uniform in [0, 1)."""
        return (self.bits(name) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, name: str, bound: int | Ints) -> Ints:
        """Whole numbers from 0 to `bound` - 1."""
        return (self.uniform(name) * bound).astype(np.int64)

    def chance(self, name: str, probability: float | Floats) -> NDArray[np.bool_]:
        """True with `probability`."""
        return self.uniform(name) < probability

    def normal(self, name: str) -> Floats:
        """Standard normal, by Box and Muller."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(name)))
        normal: Floats = radius * np.cos(2.0 * np.pi * self.uniform(name + "'"))
        return normal


def _mixed(bits: Bits) -> Bits:
    """SplitMix64's finaliser."""
    bits = bits + np.uint64(_GOLDEN)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
