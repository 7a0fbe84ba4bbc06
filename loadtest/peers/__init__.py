"""The same work in other engines, and the environments of their own that they run in."""
