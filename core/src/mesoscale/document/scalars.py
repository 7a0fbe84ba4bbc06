"""What a text without quotes means: YAML 1.1, YAML 1.2 and JSON disagree, so only what all read alike is taken."""

import re
from dataclasses import dataclass

from mesoscale.document.tree import Scalar
from mesoscale.errors import Reason

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEAN = {"true": True, "false": False}
ALIKE = {
    spelled: meaning
    for meaning, words in ((True, ("true", "yes", "on", "y")), (False, ("false", "no", "off", "n")))
    for word in words
    for spelled in (word, word.capitalize(), word.upper())
}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
# Octal, hexadecimal, binary, underscores, base 60 (12:30:00), a bare point, infinity: read differently by readers.
_ODD = re.compile(
    r"[-+]?(0[0-7_]+|0o[0-7]+|0x[0-9a-fA-F_]+|0b[01_]+|[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"
    r"|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9_]+([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))|\.(nan|NaN|NAN)"
)

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """Why a scalar cannot be taken, and how to write it."""

    reason: Reason
    message: str
    hint: str


def value(scalar: Scalar) -> Value:
    """What the scalar says. A number or truth value of an odd spelling stays the text that it is."""
    if not scalar.plain:
        return scalar.text
    if scalar.text in _NULL:
        return None
    if scalar.text in _BOOLEAN:
        return _BOOLEAN[scalar.text]
    if _WHOLE.fullmatch(scalar.text) and len(scalar.text) < 20:
        return int(scalar.text)
    if _DECIMAL.fullmatch(scalar.text):
        return float(scalar.text)
    return scalar.text


def is_odd(scalar: Scalar) -> bool:
    """Some reader takes it for a number or a truth value, though we do not."""
    return scalar.plain and (scalar.text in ALIKE or _ODD.fullmatch(scalar.text) is not None)


def ambiguity(scalar: Scalar, wanted: str) -> Ambiguity | None:
    """Why the scalar cannot be `wanted` (a text), if some YAML reader takes it for something else."""
    if not scalar.plain:
        return None
    quoted = f'write "{scalar.text}" with the quotes'
    if scalar.text in ALIKE:
        meaning = str(ALIKE[scalar.text]).lower()
        message = f"{scalar.text} is read as the truth value {meaning}, where {wanted} is wanted"
        return Ambiguity(Reason.AMBIGUOUS_BOOLEAN, message, quoted)
    if _DECIMAL.fullmatch(scalar.text) or _ODD.fullmatch(scalar.text):
        message = f"{scalar.text} is read as a number, where {wanted} is wanted"
        return Ambiguity(Reason.WRONG_TYPE, message, quoted)
    if scalar.text in _NULL:
        found = scalar.text or "nothing"
        return Ambiguity(Reason.WRONG_TYPE, f"{found} stands here, where {wanted} is wanted", "")
    return None
