"""Rule: what must hold between fields, written once as CEL for the API server and for this machine.

The expressions use only what Kubernetes 1.31 and later know: the macros of CEL and its library of strings.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from mesoscale.errors import Reason


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of one section, which CEL calls `self`; with `each`, of every item `it` of that list of it.

    `cel` is true where all is well. `message` says what is wrong; `found` (CEL, a text) is quoted before it and
    `allowed` (CEL, a list of texts) is listed after it. `field` is where the place points, within the section or item.
    A rule that compares with `oldSelf` limits changes; it does not apply to a document that stands alone.
    """

    cel: str
    message: str
    field: str = ""
    each: str = ""
    found: str = ""
    allowed: str = ""
    hint: str = ""
    reason: Reason = Reason.RULE_BROKEN

    @property
    def of_changes(self) -> bool:
        return "oldSelf" in self.cel

    @property
    def reads(self) -> frozenset[str]:
        """The fields, of the section and of what stands in it, that must be sound before the rule can be asked."""
        return _fields(f"{self.cel} {self.found} {self.allowed}") | {self.each}

    def kubernetes(self) -> dict[str, Any]:
        """The rule as one item of `x-kubernetes-validations`.

        Only a rule of the section itself quotes what it found: the API server cannot bound the cost of a text taken
        out of a filtered list, and refuses the definition.
        """
        target = self.each or self.field
        validation = {
            "rule": f"self.{self.each}.all(it, {self.cel})" if self.each else self.cel,
            "message": self._without_quoting(),
        }
        if self.found and not self.each:
            validation["messageExpression"] = f"""'"' + {self.found} + '" {self.message}'"""
        return validation | ({"fieldPath": f".{target}"} if target else {})

    def _without_quoting(self) -> str:
        """The message where no value can be quoted, the hint with it."""
        item = f"{self.each}[]" + (f".{self.field}" if self.field else "")
        subject = f"{item}: one of them " if self.each else "it " if self.found else ""
        return f"{subject}{self.message}" + (f"; {self.hint}" if self.hint else "")


@cache
def _fields(expressions: str) -> frozenset[str]:
    """Every name after a dot that is not called: `self.scale.max` → scale, max."""
    return frozenset(re.findall(r"\.([A-Za-z]\w*)\b(?!\()", expressions))
