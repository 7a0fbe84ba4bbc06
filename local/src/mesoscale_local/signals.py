"""Ctrl-C and its relatives: the first asks for an orderly stop, the second for a quick one."""

import asyncio
import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Two events, set by the first and the second signal."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()

    def listen(self) -> None:
        """From now on, in this event loop."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.signal)

    def signal(self) -> None:
        (self.hurried if self.asked.is_set() else self.asked).set()
