"""What each peer runs with: its Python packages and jars, pinned beside its program, in the user's cache.

    python -m loadtest.peers.provide        everything at once, so that no measurement has to wait for it

Nothing of a peer comes into our own environment: their pins agree with nobody's.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from mesoscale_local.services import jars, java

PEERS = Path(__file__).parent
NAMES = ("kafka_streams", "flink", "spark", "quix")
_WHOLE = "whole"  # stands in a folder that was finished


def python(name: str) -> Path:
    """The interpreter of an environment that has the peer's `requirements.txt`, and nothing else."""
    requirements = PEERS / name / "requirements.txt"
    folder = _folder(name, "environment", requirements)
    interpreter = folder / "bin" / "python"
    if not (folder / _WHOLE).exists():
        print(f"the Python packages of {name}, into {folder}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        _run(_uv(), "venv", "--quiet", "--python", sys.executable, str(folder))
        pinned = ("--compile-bytecode", "--require-hashes", "-r", str(requirements))
        _run(_uv(), "pip", "install", "--quiet", "--python", str(interpreter), *pinned)
        (folder / _WHOLE).touch()
    return interpreter


def jar_folder(name: str) -> Path:
    """The folder with every jar of the peer's `jars.lock`."""
    lock = PEERS / name / "jars.lock"
    folder = _folder(name, "jars", lock)
    return jars.provide(lambda line: print(line, flush=True), folder, jars.parsed(lock.read_text(encoding="utf-8")))


def classes(name: str) -> Path:
    """The folder of what the peer's Java sources compile to.

    The compiler is a jar of the lock, for a Java runtime has none.
    """
    sources = sorted((PEERS / name).glob("*.java"))
    folder = _folder(name, "classes", *sources, PEERS / name / "jars.lock")
    if not (folder / _WHOLE).exists():
        path = jar_folder(name)
        compiler = ("-cp", f"{path}/*", "org.eclipse.jdt.internal.compiler.batch.Main")
        libraries = os.pathsep.join(map(str, sorted(path.glob("*.jar"))))
        files = map(str, sources)
        _run(str(java.find()), *compiler, "-17", "-nowarn", "-cp", libraries, "-d", str(folder), *files)
        (folder / _WHOLE).touch()
    return folder


def _folder(name: str, what: str, *made_from: Path) -> Path:
    """Named after what it is made from, so that versions lie side by side."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in made_from)).hexdigest()[:12]
    return jars.cache_folder() / "peers" / f"{name}-{what}-{digest}"


def _uv() -> str:
    """The one that set this checkout up (`tools/setup.sh`)."""
    return shutil.which("uv") or str(jars.cache_folder() / "uv" / "bin" / "uv")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def main() -> None:
    """Fetch and compile for all peers."""
    for name in NAMES:
        if (PEERS / name / "requirements.txt").exists():
            python(name)
        if (PEERS / name / "jars.lock").exists():
            jar_folder(name)
        if any((PEERS / name).glob("*.java")):
            classes(name)


if __name__ == "__main__":
    main()
