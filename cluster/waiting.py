"""Wait for what needs a moment, and never for ever."""

import time
from collections.abc import Callable

from cluster.errors import ClusterError


def until(what: str, seconds: float, ask: Callable[[], object], hint: str = "") -> None:
    """Ask again until the answer is neither false nor a ClusterError.

    Raises:
        ClusterError: it was not so in time; the last refusal is told.
    """
    deadline, refusal = time.monotonic() + seconds, ""
    while True:
        try:
            if ask():
                return
        except ClusterError as error:
            refusal = f": {error.message}"
        if time.monotonic() > deadline:
            raise ClusterError(f"{what} was not ready in {seconds:.0f} s{refusal}", hint)
        time.sleep(0.2)
