"""Loads the shared fixtures: every module fix_*.py beside this file. Ends a suite in time, where that is given."""

import os
import time
from pathlib import Path

import pytest

pytest_plugins = [path.stem for path in sorted(Path(__file__).parent.glob("fix_*.py"))]
pytest.register_assert_rewrite(*pytest_plugins)  # all before the first is loaded, as some load others

# A broker of a test lives for seconds to minutes. The compiler that makes a long life fast takes twice the processor
# time until it answers: 5.2 s against 3.0 on two cores.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")

END = "MESO_TESTS_BEGIN_UNTIL"  # seconds since 1970; tools/test.sh sets it in CI, for the tests in a cluster


@pytest.hookimpl(tryfirst=True)  # before the fixtures
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin no test when the time for it is over.

    A machine that had to build the cluster first has no time for all tests in it, and a CI that is ended from outside
    tells nothing at all: neither what passed nor what was left out. So each test that is left out is told.
    """
    end = os.environ.get(END)
    if end and time.time() > float(end):
        pytest.skip("!!! NOT TESTED: the time of CI for tests in a cluster was over; `make test-cluster` runs all")
