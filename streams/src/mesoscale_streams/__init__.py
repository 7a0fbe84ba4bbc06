"""The programs of a pipeline that never end: sources, stages and sinks.

A record's way through this package: sources → kafka → loop → records → stages → sinks.
"""

from mesoscale_streams.retry import Retry

__all__ = ["Retry"]
