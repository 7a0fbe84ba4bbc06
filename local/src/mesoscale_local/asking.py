"""Asks a program about a pipeline that runs, and gives its answer or its refusal."""

import os
import subprocess

from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale_local import provision
from mesoscale_local.child import Program
from mesoscale_local.home import Home


def demand_running(home: Home) -> None:
    """Raises:
    ServiceUnavailable: the pipeline does not run, so there are no services to ask.
    """
    if home.runner() is None:
        message = f'pipeline "{home.pipeline}" is not running, and its records lie in its services'
        raise ServiceUnavailable(Problem(Reason.NOT_RUNNING, message, hint="start it with `meso run DOCUMENT`"))


def ask(program: Program) -> str:
    """Run it to its end.

    Returns:
        What it wrote to standard output.

    Raises:
        MesoscaleError: what the program refused.
    """
    done = subprocess.run(program.argv, capture_output=True, check=False, env={**os.environ, **program.env})
    program.log.parent.mkdir(parents=True, exist_ok=True)
    with program.log.open("ab") as log:
        log.write(done.stderr)
    if done.returncode:
        raise provision.error(program, done.returncode, done.stderr)
    return done.stdout.decode()
