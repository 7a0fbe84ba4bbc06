"""What can be wrong, where it was found, and the way out.

MesoscaleError              everything a user is told in one sentence, with an exit code
├── DocumentRefused         the document cannot be read, or breaks a rule (exit 2)
├── PlanRefused             the document is right but cannot become what runs (exit 3)
└── ServiceUnavailable      a service, port, disk or runtime that a driver needs is not to be had (exit 4)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum


class Reason(StrEnum):
    """One word for each thing that can be wrong: in errors, dead letters, conditions and metric labels.

    docs/reasons.md explains each of them; a test keeps the two lists equal.
    """

    # Documents
    NOT_YAML = "NotYaml"
    UNKNOWN_FIELD = "UnknownField"
    MISSING_FIELD = "MissingField"
    WRONG_TYPE = "WrongType"
    INVALID_VALUE = "InvalidValue"
    DUPLICATE_KEY = "DuplicateKey"
    AMBIGUOUS_BOOLEAN = "AmbiguousBoolean"
    UNSUPPORTED_VERSION = "UnsupportedVersion"
    RULE_BROKEN = "RuleBroken"
    UNKNOWN_REFERENCE = "UnknownReference"
    CYCLE = "Cycle"
    # Plans
    NOT_BUILT = "NotBuilt"
    CLUSTER_ONLY = "ClusterOnly"
    INCOMPATIBLE_CONTRACT = "IncompatibleContract"
    FORBIDDEN_CHANGE = "ForbiddenChange"
    STATE_REFUSED = "StateRefused"
    STATE_FULL = "StateFull"
    NOT_OURS = "NotOurs"
    # Records
    MALFORMED = "Malformed"
    NOT_UTF8 = "NotUtf8"
    NULL_VALUE = "NullValue"
    OUT_OF_RANGE = "OutOfRange"
    NOT_FINITE = "NotFinite"
    NOT_ALLOWED = "NotAllowed"
    PATTERN_MISMATCH = "PatternMismatch"
    TOO_LARGE = "TooLarge"
    DUPLICATE = "Duplicate"
    STEP_FAILED = "StepFailed"
    LATE = "Late"
    STEP_DIED = "StepDied"
    RETRIES_EXHAUSTED = "RetriesExhausted"
    CALL_REFUSED = "CallRefused"
    # Conditions
    ACCEPTED = "Accepted"
    ALL_READY = "AllReady"
    NOTHING_TO_DO = "NothingToDo"
    WAITING = "Waiting"
    CHILD_FAILED = "ChildFailed"
    PART_MISSING = "PartMissing"
    PAUSED = "Paused"
    DELETING = "Deleting"
    # Events
    DRIFT = "Drift"
    PRUNED = "Pruned"
    ADOPTED = "Adopted"
    ORPHANED = "Orphaned"
    FORBIDDEN = "Forbidden"
    NOT_FOUND = "NotFound"
    INVALID = "Invalid"
    # Services
    JAVA_MISSING = "JavaMissing"
    PORT_TAKEN = "PortTaken"
    DISK_FULL = "DiskFull"
    ALREADY_RUNNING = "AlreadyRunning"
    NOT_RUNNING = "NotRunning"
    SERVICE_FAILED = "ServiceFailed"
    STEP_HUNG = "StepHung"
    MEMORY_EXCEEDED = "MemoryExceeded"
    ROWS_WOULD_DOUBLE = "RowsWouldDouble"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a document: 1-based line and column, and the path of keys that leads there (`spec.sinks[0].from`)."""

    file: str
    line: int
    column: int
    path: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.path}" if self.path else where


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: what was found, what is allowed, and a hint at the way out."""

    reason: Reason
    message: str
    place: Place | None = None
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        return f"{text}\n\nhint: {self.hint}" if self.hint else text


class MesoscaleError(Exception):
    """The base of all errors that are shown to a user, each a list of problems."""

    exit_code = 1

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DocumentRefused(MesoscaleError):
    """The document cannot be read, or breaks a rule."""

    exit_code = 2


class PlanRefused(MesoscaleError):
    """The document is right, but what it asks for cannot be made to run (yet, or from where things stand)."""

    exit_code = 3


class ServiceUnavailable(MesoscaleError):
    """Something a driver needs around it is not to be had: a port, a runtime, disk space, a server."""

    exit_code = 4


def nearest(word: str, allowed: Sequence[str]) -> str:
    """The hint that names the closest right spelling, or nothing where none is close."""
    close = get_close_matches(word, allowed, n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""
