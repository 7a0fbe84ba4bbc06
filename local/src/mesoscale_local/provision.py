"""Runs a program that ends, and tells in its own words why it could not do what it is for."""

import json
from collections.abc import Iterable
from typing import Any

from mesoscale.errors import DocumentRefused, MesoscaleError, PlanRefused, Problem, Reason, ServiceUnavailable
from mesoscale_local import child
from mesoscale_local.child import Program
from mesoscale_local.logfile import LogFile

TRIES = 3  # of a program that was killed; librdkafka has been seen to end its process when an answer came too late
ERRORS = {error.exit_code: error for error in (DocumentRefused, PlanRefused, ServiceUnavailable)}


async def run(program: Program) -> None:
    """Run it to its end; a second time does nothing that the first has done.

    Raises:
        MesoscaleError: what the program raised, by its exit code.
    """
    for _ in range(TRIES):
        code, said = await _once(program)
        if code == 0:
            return
        if code > 0:
            raise error(program, code, said)
    raise _failed(program, child.exit_in_words(code))


async def _once(program: Program) -> tuple[int, bytes]:
    """Its exit code, and all that it said."""
    log = LogFile(program.log)
    process = await child.start(program)
    try:
        said, _ = await process.communicate()
        log.write(said)
    finally:
        if process.returncode is None:  # we are told to stop, and so is it
            await child.end(process, program.stop_signal, program.grace)
        log.close()
    assert process.returncode is not None
    return process.returncode, said


def error(program: Program, code: int, said: bytes) -> MesoscaleError:
    """What a program that ended with that exit code said of it."""
    told = [problem for line in said.splitlines() for problem in _problems(line)]
    if code not in ERRORS or not told:
        last = (said.decode(errors="replace").strip().splitlines() or [""])[-1]
        return _failed(program, f"{child.exit_in_words(code)}: {last}")
    return ERRORS[code](told)


def _problems(line: bytes) -> Iterable[Problem]:
    try:
        entry: Any = json.loads(line)
        found = entry.get("problems", [])
        return [Problem(Reason(one["reason"]), one["message"], hint=one["hint"]) for one in found]
    except (ValueError, AttributeError):  # a line of somebody else's, such as librdkafka
        return []


def _failed(program: Program, why: str) -> ServiceUnavailable:
    message = f"the program {program.name} failed: {why}"
    return ServiceUnavailable(Problem(Reason.SERVICE_FAILED, message, hint=f"its log is {program.log}"))
