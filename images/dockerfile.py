"""Dockerfiles as values: stages and their instructions, with the build's arguments put in.

As much of the language as the Dockerfiles here use; what they do not use is refused by name.
https://docs.docker.com/reference/dockerfile/
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = {"ARG", "COPY", "ENTRYPOINT", "ENV", "FROM", "LABEL", "RUN", "USER", "WORKDIR"}

_ARGUMENT = re.compile(r"\$\{(\w+)\}")


class NotUnderstood(ValueError):
    """A line that is outside the part of the language that is read here."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """`COPY a b` is `Instruction("COPY", "a b", 7)`; lines that were continued are one."""

    word: str
    rest: str
    line: int


@dataclass(slots=True)
class Stage:
    """Everything from one FROM to the next. The last one's `name` is empty."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        """What stands after each instruction of this word."""
        return [one.rest for one in self.instructions if one.word == word]


def read(path: Path, arguments: Mapping[str, str] | None = None) -> list[Stage]:
    """The stages of a Dockerfile, the one that becomes the image last.

    Args:
        path: the Dockerfile.
        arguments: in place of the defaults of its ARGs, as `docker build --build-arg` does it.

    Raises:
        NotUnderstood: an instruction, or an argument without a value.
    """
    known: dict[str, str] = {}
    stages: list[Stage] = []
    for instruction in _instructions(path.read_text(encoding="utf-8")):
        if instruction.word not in KNOWN:
            raise NotUnderstood(f"{path}:{instruction.line}: {instruction.word} is none of {', '.join(sorted(KNOWN))}")
        if instruction.word == "ARG":
            name, _, default = instruction.rest.partition("=")
            known[name] = (arguments or {}).get(name, default or known.get(name, ""))
            continue
        whole = Instruction(instruction.word, _put_in(instruction, known, path), instruction.line)
        if whole.word == "FROM":
            base, _, name = whole.rest.partition(" AS ")
            stages.append(Stage(base, name))
        else:
            stages[-1].instructions.append(whole)
    return stages


def pairs(text: str) -> dict[str, str]:
    """`A=b C="d e"`, as ENV and LABEL have it."""
    return {name: quoted or plain for name, quoted, plain in re.findall(r'([\w.]+)=(?:"([^"]*)"|(\S*))', text)}


def _put_in(instruction: Instruction, known: Mapping[str, str], path: Path) -> str:
    def value(found: re.Match[str]) -> str:
        if not known.get(found[1]):
            raise NotUnderstood(f"{path}:{instruction.line}: no value for ${{{found[1]}}}")
        return known[found[1]]

    return _ARGUMENT.sub(value, instruction.rest)


def _instructions(text: str) -> Iterator[Instruction]:
    gathered, began = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        began = began or number
        gathered += stripped.removesuffix("\\").strip() + " "
        if not stripped.endswith("\\"):
            word, _, rest = gathered.strip().partition(" ")
            yield Instruction(word, rest, began)
            gathered, began = "", 0
