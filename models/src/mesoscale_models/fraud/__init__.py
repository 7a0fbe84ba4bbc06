"""Fraud in card payments: what is remembered of an account, what is computed from it, and how likely fraud is."""
