"""The document in the ConfigMap is the same bytes wherever it is made, with libyaml or without."""

from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mesoscale.manifests import document

KEYS = st.text("abcXYZ019-_.", max_size=20)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.text("ab :#\n\t'\"\\-UN", max_size=250)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


def by_python(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=yaml.SafeDumper, sort_keys=False, allow_unicode=True, width=110)
    return text


@settings(max_examples=300, deadline=None)
@example({"": None})
@example({"a": "\x85"})
@example({"a": "\U00010000"})
@example({"a": "\\U and \\N"})
@given(st.dictionaries(KEYS, TREES, max_size=3))
def test_libyaml_changes_no_byte(value: dict[str, Any]) -> None:
    assert document.dumped(value) == by_python(value)
