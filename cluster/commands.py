"""Run another program to its end, and tell in one sentence when it fails."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster.errors import ClusterError


def run(
    argv: Sequence[str | Path],
    *,
    text: str = "",
    file: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> str:
    """Its standard output.

    Args:
        argv: the program and its arguments; no shell reads them.
        text: its standard input.
        file: its standard input where that is a file, read by it alone.
        cwd: the folder it runs in.
        env: its whole environment, ours by default.
        seconds: how long it may take, without end by default.

    Raises:
        ClusterError: it cannot be started, took too long, or ended with another code than 0.
    """
    words = [str(word) for word in argv]
    shown = " ".join(words[:4])
    try:
        done = _finished(words, text, file, cwd=cwd, env=env, timeout=seconds)
    except FileNotFoundError as error:
        raise ClusterError(f"{words[0]} is needed, and is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"`{shown} …` took more than {seconds:.0f} s") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise ClusterError(f"`{shown} …` failed with code {done.returncode}: {said[-1]}", "\n      ".join(said[-6:-1]))
    return done.stdout


def _finished(words: list[str], text: str, file: Path | None, **options: Any) -> subprocess.CompletedProcess[str]:
    if file is None:
        return subprocess.run(words, input=text, capture_output=True, text=True, **options)
    with file.open("rb") as stream:
        return subprocess.run(words, stdin=stream, capture_output=True, text=True, **options)


def succeeds(argv: Sequence[str | Path], *, cwd: Path | None = None, seconds: float = 20) -> bool:
    """Whether it ends with 0; one that is not there, or hangs, does not."""
    try:
        run(argv, cwd=cwd, seconds=seconds)
    except ClusterError:
        return False
    return True


def present(name: str) -> bool:
    """Whether there is a program of this name."""
    return shutil.which(name) is not None
