"""What can go wrong on the way to the API server, and how each of it is tried again.

ApiError                    the API server refused, or was not reached
├── NotFound                404: the object, its namespace or its kind is not there
├── Conflict                409: somebody was quicker, or the object exists and was not to
├── Gone                    410: the version that a watch or a list began at is too old
├── Forbidden               401, 403: not allowed, or over a quota
│   └── NamespaceEnds       403: nothing is made any more in a namespace that is being deleted
├── Invalid                 400, 413, 415, 422: the object itself is wrong
├── TooMany                 429: asked to slow down
└── Unavailable             408, 5xx, no answer in time, no connection
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from mesoscale.errors import Reason


class Retry(Enum):
    """How a failure is tried again: soonest delay and longest, in seconds; each failure in a row doubles the delay."""

    TRANSIENT = (0.1, 30.0)  # the API server or the way there; heals by itself
    WAITING = (
        2.0,
        60.0,
    )  # something that is not there yet; its arrival is an event, this is for the case it is not seen
    PERMANENT = (60.0, 600.0)  # wrong as it stands; only a change of the document, the cluster or the operator heals it


class ApiError(Exception):
    """The API server refused a request, or was not reached."""

    retry = Retry.TRANSIENT
    told: Reason | None = None  # as an Event; nothing that heals by itself is

    def __init__(self, message: str, code: int = 0, reason: str = "", retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.code = code  # HTTP status; 0 where there was no answer
        self.reason = reason  # Status.reason, Kubernetes' own word
        self.retry_after = retry_after  # seconds


class NotFound(ApiError):
    """The object, its namespace or its kind is not there."""

    retry = Retry.WAITING
    told = Reason.NOT_FOUND


class Conflict(ApiError):
    """The object changed meanwhile, or exists although it was to be created."""


class Gone(ApiError):
    """The resource version is older than what the API server remembers."""


class Forbidden(ApiError):
    """Not allowed, by role, admission or quota."""

    retry = Retry.WAITING
    told: Reason | None = Reason.FORBIDDEN


class NamespaceEnds(Forbidden):
    """The namespace is being deleted: there is nothing to tell and nothing to do but to wait for the end."""

    told = None


class Invalid(ApiError):
    """The API server does not take such an object."""

    retry = Retry.PERMANENT
    told = Reason.INVALID


class TooMany(ApiError):
    """The API server asks to come back later."""


class Unavailable(ApiError):
    """The API server failed, or gave no answer in time."""


BY_CODE: Mapping[int, type[ApiError]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    405: Invalid,
    408: Unavailable,
    409: Conflict,
    410: Gone,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: TooMany,
    500: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
"""Every code that the API server gives (https://kubernetes.io/docs/reference/using-api/api-concepts)."""


def from_answer(code: int, status: Mapping[str, Any], retry_after: str | None) -> ApiError:
    """The error that an answer means; `status` is its body, a Status object if the API server itself answered."""
    details = status.get("details") or {}
    after = retry_after or str(details.get("retryAfterSeconds", 0))
    kind = BY_CODE.get(code, Invalid if code < 500 else Unavailable)
    if any(cause.get("reason") == "NamespaceTerminating" for cause in details.get("causes") or ()):
        kind = NamespaceEnds
    message = status.get("message") or f"the API server answered {code}"
    return kind(message, code, status.get("reason", ""), float(after) if after.isdigit() else 0.0)
