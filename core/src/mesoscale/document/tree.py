"""The located tree: what YAML text says, with the line and column of every key and value."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from mesoscale.errors import Place

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Spot:
    """1-based line and column, as editors count them."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """One text; `plain` when it stands without quotes, so that YAML may read something else in it."""

    text: str
    plain: bool
    at: Spot


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    at: Spot
    items: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and what stands under them; `keys` says where each key is."""

    at: Spot
    entries: dict[str, "Node"] = field(default_factory=dict)
    keys: dict[str, Scalar] = field(default_factory=dict)


Node = Scalar | Sequence | Mapping


class Lines:
    """Index of a character → Spot. Lines end where editors end them; YAML 1.1 has line breaks that they ignore."""

    def __init__(self, text: str) -> None:
        self._starts = list(_line_starts(text))
        self._length = len(text)

    def spot(self, index: int) -> Spot:
        index = min(max(index, 0), self._length)
        line = bisect_right(self._starts, index)
        return Spot(line, index - self._starts[line - 1] + 1)


def _line_starts(text: str) -> Iterator[int]:
    yield 0
    for index, character in enumerate(text):
        if character == "\n":
            yield index + 1


def find(root: Node, path: Path) -> Spot:
    """Where the value at `path` stands, or, where it was left out, the mapping or list that it would stand in."""
    node = root
    for part in path:
        if isinstance(node, Mapping) and part in node.entries:
            node = node.entries[str(part)]
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            break
    return node.at


def written(path: Path) -> str:
    """`("spec", "sinks", 0, "from")` → `spec.sinks[0].from`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def place(file: str, spot: Spot, path: Path = ()) -> Place:
    return Place(file, spot.line, spot.column, written(path))
