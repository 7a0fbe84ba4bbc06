"""Loads the shared fixtures: every module fix_*.py beside this file. Ends a suite in time, where that is given."""

import os
import time
from pathlib import Path

import pytest

pytest_plugins = [path.stem for path in sorted(Path(__file__).parent.glob("fix_*.py"))]
pytest.register_assert_rewrite(*pytest_plugins)  # all before the first is loaded, as some load others

# A broker of a test lives for seconds to minutes. The compiler that makes a long life fast takes twice the processor
# time until it answers: 5.0 s against 2.5 on two cores.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")

END = "MESO_TESTS_BEGIN_UNTIL"  # seconds since 1970; tools/test.sh sets it in CI


@pytest.hookimpl(tryfirst=True)  # before the fixtures
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin no test when the time for it is over: a CI that is ended from outside tells nothing at all."""
    end = os.environ.get(END)
    if end and time.time() > float(end):
        pytest.skip("!!! NOT TESTED: the time that CI has was over; make test has no end")
