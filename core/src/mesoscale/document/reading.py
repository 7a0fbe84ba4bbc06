"""YAML text → located tree, or a sentence about why it cannot be read.

The events of the parser are composed here and not by the YAML library, because its tree has no place for keys,
lets a later duplicate win, follows aliases without end and recurses as deeply as the text nests.
"""

import re
from collections.abc import Iterator

import yaml

from mesoscale.document import tree
from mesoscale.document.scalars import ambiguity
from mesoscale.document.tree import Lines, Mapping, Node, Scalar, Sequence, Spot
from mesoscale.errors import DocumentRefused, Place, Problem, Reason

MAX_CHARACTERS = 524_288  # a custom resource of more does not fit into etcd beside its status
MAX_DEPTH = 32
MAX_NODES = 50_000  # aliases count each time they are used

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


def read(text: str, file: str) -> Mapping:
    """The one mapping that `text` holds.

    Raises:
        DocumentRefused: it is not YAML, not one document, not a mapping, too large, or a key stands in it twice.
    """
    return _Reader(text.removeprefix("\ufeff"), file).read()


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._lines = Lines(text)
        self._events: Iterator[yaml.Event] = iter(())
        self._anchors: dict[str, Node] = {}
        self._nodes = 0
        self._problems: list[Problem] = []

    def read(self) -> Mapping:
        self._refuse_what_no_parser_takes()
        try:
            self._events = yaml.parse(self._text, Loader=_LOADER)
            root = self._stream()
        except yaml.MarkedYAMLError as error:
            raise self._not_yaml(error) from error
        if self._problems:
            raise DocumentRefused(self._problems)
        return root

    def _refuse_what_no_parser_takes(self) -> None:
        if len(self._text) > MAX_CHARACTERS:
            raise self._refusal(
                0, f"the document has {len(self._text)} characters; {MAX_CHARACTERS} are allowed", Reason.TOO_LARGE
            )
        if odd := _UNPRINTABLE.search(self._text):
            raise self._refusal(odd.start(), f"the character U+{ord(odd[0]):04X} cannot stand in YAML")
        if not self._text.strip():
            raise self._refusal(0, "the document is empty", hint="the least document is in examples/minimal.yaml")

    def _stream(self) -> Mapping:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise self._refusal(0, "the document is empty", hint="the least document is in examples/minimal.yaml")
        root = self._node(next(self._events), 0)
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refusal(
                _index(after), "a second document begins here", hint="put each pipeline into a file of its own"
            )
        if not isinstance(root, Mapping):
            raise self._refusal(0, "the document is not a mapping that begins with apiVersion", Reason.WRONG_TYPE)
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        index = _index(event)
        if depth > MAX_DEPTH:
            raise self._refusal(index, f"the document nests deeper than {MAX_DEPTH} levels", Reason.TOO_LARGE)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._count(1, index)
        node = self._compose(event, depth)
        if isinstance(event, yaml.NodeEvent) and event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _compose(self, event: yaml.Event, depth: int) -> Node:
        spot = self._lines.spot(_index(event))
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(spot, event.tag)
            return Scalar(event.value, not event.style and event.tag is None, spot)
        if isinstance(event, yaml.SequenceStartEvent):
            self._refuse_tag(spot, event.tag)
            return self._sequence(Sequence(spot), depth)
        if isinstance(event, yaml.MappingStartEvent):
            self._refuse_tag(spot, event.tag)
        return self._mapping(Mapping(spot), depth)

    def _sequence(self, sequence: Sequence, depth: int) -> Sequence:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            sequence.items.append(self._node(event, depth + 1))
        return sequence

    def _mapping(self, mapping: Mapping, depth: int) -> Mapping:
        merged: list[Mapping] = []
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                self._told(key.at, "a key must be a text, not a list or mapping", Reason.WRONG_TYPE)
            elif key.plain and key.text == "<<":
                merged += self._merged(value)
            else:
                self._enter(mapping, key, value)
        for other in merged:  # what stands in the mapping itself wins over what it merges
            for name in other.entries.keys() - mapping.entries.keys():
                mapping.entries[name], mapping.keys[name] = other.entries[name], other.keys[name]
        return mapping

    def _enter(self, mapping: Mapping, key: Scalar, value: Node) -> None:
        if key.text in mapping.entries:
            first = mapping.keys[key.text].at
            self._told(
                key.at,
                f'the key "{key.text}" stands here again; it is on line {first.line} already',
                Reason.DUPLICATE_KEY,
            )
        elif problem := ambiguity(key, "a key"):
            self._problems.append(Problem(problem.reason, problem.message, self._place(key.at), problem.hint))
        mapping.entries[key.text], mapping.keys[key.text] = value, key

    def _merged(self, value: Node) -> list[Mapping]:
        candidates = value.items if isinstance(value, Sequence) else [value]
        for node in candidates:
            if not isinstance(node, Mapping):
                self._told(node.at, "<< takes a mapping or a list of mappings", Reason.WRONG_TYPE)
        return [node for node in candidates if isinstance(node, Mapping)]

    def _alias(self, event: yaml.AliasEvent) -> Node:
        index = _index(event)
        if event.anchor not in self._anchors:
            raise self._refusal(index, f"no anchor &{event.anchor} is complete before this alias")
        node = self._anchors[event.anchor]
        self._count(_size(node, MAX_NODES), index)
        return node

    def _count(self, nodes: int, index: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise self._refusal(
                index, f"the document has more than {MAX_NODES} values, aliases written out", Reason.TOO_LARGE
            )

    def _refuse_tag(self, spot: Spot, tag: str | None) -> None:
        if tag not in (None, "!", "tag:yaml.org,2002:str"):
            short = tag.replace("tag:yaml.org,2002:", "!!")
            message, hint = f"the tag {short} has no meaning here", "write the value without it"
            self._told(spot, message, Reason.WRONG_TYPE, hint)

    def _not_yaml(self, error: yaml.MarkedYAMLError) -> DocumentRefused:
        mark = error.problem_mark or error.context_mark
        index = mark.index if mark else 0
        line = self._text[self._text.rfind("\n", 0, index) + 1 :].split("\n", 1)[0]
        if "\t" in line[: len(line) - len(line.lstrip())]:
            return self._refusal(
                index, "not YAML: this line is indented by a tab", hint="indent by spaces, which YAML requires"
            )
        hint = 'a text with ": " or " #" in it needs quotes' if "mapping values" in str(error.problem) else ""
        return self._refusal(index, f"not YAML: {error.problem or error.context}", hint=hint)

    def _refusal(self, index: int, message: str, reason: Reason = Reason.NOT_YAML, hint: str = "") -> DocumentRefused:
        return DocumentRefused(Problem(reason, message, self._place(self._lines.spot(index)), hint))

    def _told(self, spot: Spot, message: str, reason: Reason, hint: str = "") -> None:
        self._problems.append(Problem(reason, message, self._place(spot), hint))

    def _place(self, spot: Spot) -> Place:
        return tree.place(self._file, spot)


def _index(event: yaml.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


def _size(node: Node, limit: int) -> int:
    """Values in `node`, counted no further than `limit`."""
    size, waiting = 0, [node]
    while waiting and size <= limit:
        node = waiting.pop()
        size += 1
        if isinstance(node, Sequence):
            waiting += node.items
        elif isinstance(node, Mapping):
            waiting += node.entries.values()
    return size
