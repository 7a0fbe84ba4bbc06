"""Stateful streams: one job in our stage and in other engines on the same topics, and how soon a record comes out."""
