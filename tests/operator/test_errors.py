"""Each answer of the API server has one meaning, by its code, and one way of being tried again."""

from http import HTTPStatus

import pytest

from mesoscale_operator import errors
from mesoscale_operator.errors import ApiError, Retry
from mesoscale_operator.workers import most_urgent


@pytest.mark.parametrize(
    ("code", "kind", "retry"),
    [
        (400, errors.Invalid, Retry.PERMANENT),
        (401, errors.Forbidden, Retry.WAITING),
        (403, errors.Forbidden, Retry.WAITING),
        (404, errors.NotFound, Retry.WAITING),
        (409, errors.Conflict, Retry.TRANSIENT),
        (410, errors.Gone, Retry.TRANSIENT),
        (422, errors.Invalid, Retry.PERMANENT),
        (429, errors.TooMany, Retry.TRANSIENT),
        (500, errors.Unavailable, Retry.TRANSIENT),
        (503, errors.Unavailable, Retry.TRANSIENT),
        (504, errors.Unavailable, Retry.TRANSIENT),
    ],
)
def test_a_code_means_one_kind_of_error(code: int, kind: type[ApiError], retry: Retry) -> None:
    error = errors.from_answer(code, {"reason": "Why", "message": "so"}, None)
    assert type(error) is kind
    assert (error.code, error.reason, str(error), error.retry) == (code, "Why", "so", retry)


def test_the_end_of_a_namespace_is_told_apart_from_other_refusals() -> None:
    causes = [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]
    assert isinstance(errors.from_answer(403, {"details": {"causes": causes}}, None), errors.NamespaceEnds)


def test_every_code_that_refuses_has_a_meaning() -> None:
    for status in HTTPStatus:
        if status >= 400:
            assert isinstance(errors.from_answer(status, {}, None), ApiError)


@pytest.mark.parametrize(
    ("header", "details", "seconds"),
    [("7", {}, 7.0), (None, {"retryAfterSeconds": 3}, 3.0), (None, {}, 0.0), ("Wed, 21 Oct", {}, 0.0)],
)
def test_the_time_that_the_api_server_asks_for_is_read(
    header: str | None, details: dict[str, int], seconds: float
) -> None:
    assert errors.from_answer(429, {"details": details}, header).retry_after == seconds


def test_of_several_problems_the_one_that_heals_soonest_says_when_to_try_again() -> None:
    slow, soon = errors.Invalid("wrong"), errors.Unavailable("away")
    assert most_urgent((slow, soon)) is Retry.TRANSIENT
    assert most_urgent((slow,)) is Retry.PERMANENT
