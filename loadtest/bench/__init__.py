"""Measured loops: what the platform takes, beside the barest program that does the same."""
