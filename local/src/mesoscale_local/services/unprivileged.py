"""How root runs a program that refuses to run as root, as PostgreSQL does."""

import functools
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from mesoscale.errors import Problem, Reason, ServiceUnavailable

# In a user namespace root has another number and no rights, while the files stay root's own outside of it.
NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
USERS = ("postgres", "nobody")  # whom to become where user namespaces are forbidden


def command(argv: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """`argv` as it is, or for root with a prefix that gives up root; the process id stays the same.

    Raises:
        ServiceUnavailable: we are root and cannot become anybody else who may enter `folder`.
    """
    if os.geteuid() != 0:
        return argv
    if namespaces_work():
        return (*NAMESPACE, *argv)
    user = _user_for(folder, Path(argv[0]))
    return ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--", *argv)


def give(folder: Path) -> None:
    """Hand `folder` and what is in it to the user that `command` becomes, if it becomes one."""
    if os.geteuid() == 0 and not namespaces_work():
        user = _user_for(folder)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)


@functools.cache
def namespaces_work() -> bool:
    """Whether this system lets us make a user namespace; containers often forbid it."""
    if shutil.which(NAMESPACE[0]) is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, timeout=20).returncode == 0


def _user_for(*paths: Path) -> pwd.struct_passwd:
    """An ordinary user who may enter every folder that leads to `paths`."""
    closed = [str(path) for path in paths if not _others_reach(path)]
    known = {user.pw_name: user for user in pwd.getpwall()}
    for name in USERS:
        if name in known and not closed and shutil.which("setpriv") is not None:
            return known[name]
    where = f" who may enter {' and '.join(closed)}" if closed else ""
    message = f"PostgreSQL refuses to run as root, and there is no other user{where}"
    hint = "run it as an ordinary user, or choose a folder that all may enter (`--home /var/tmp/meso`)"
    raise ServiceUnavailable(Problem(Reason.SERVICE_FAILED, message, hint=hint))


def _others_reach(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.absolute().parents)
