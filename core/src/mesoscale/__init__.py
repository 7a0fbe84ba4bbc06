"""The pure core of Mesoscale: text and values in, text and values out.

Nothing below this package reads a clock, a file, the network or the environment; ARCHITECTURE.md says why.
"""
