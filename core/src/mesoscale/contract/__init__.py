"""Contracts: the typed description of a record, from which every compiled shape of it is made."""
