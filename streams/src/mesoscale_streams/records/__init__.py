"""Bytes ↔ frames: a contract compiled to a columnar schema and vectorised checks."""
