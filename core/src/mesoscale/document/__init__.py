"""The document: YAML text → a typed pipeline, or every problem in it with its place."""

from mesoscale.document.parsing import Document, forbidden_changes, parse

__all__ = ["Document", "forbidden_changes", "parse"]
