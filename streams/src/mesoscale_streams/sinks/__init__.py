"""Sinks: topic → store. Each module states in its first paragraph what makes its rows exactly once."""
