"""What a webhook signs and what an answer means, as values; and calls to a receiver that answers in every way."""

import base64
import hmac
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fix_receiver import Receiver as There
from fix_receiver import Reply
from fix_secured import openssl

from mesoscale.model.sink import CallRetries
from mesoscale_streams.sinks import signing
from mesoscale_streams.sinks.answers import Answer, retry_after
from mesoscale_streams.sinks.receiver import BEGIN_WITHIN, Call, Receiver
from mesoscale_streams.stages.waits import Waits

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def test_the_signature_is_the_one_that_the_standard_gives() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    told = signing.headers([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert told == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_keys_change_each_of_them_signs() -> None:
    old, new = b"o" * 24, b"n" * 24
    told = signing.headers([new, old], "msg_1", 5, b"{}")["webhook-signature"].split()
    wanted = [base64.b64encode(hmac.digest(key, b"msg_1.5.{}", "sha256")).decode() for key in (new, old)]
    assert told == [f"v1,{one}" for one in wanted]


def test_an_id_is_that_of_a_place_and_a_record_and_holds_no_full_stop() -> None:
    one = signing.identity("p.alerts/3/17", b"{}")
    assert one == signing.identity("p.alerts/3/17", b"{}")
    assert len({one, signing.identity("p.alerts/3/18", b"{}"), signing.identity("p.alerts/3/17", b"{ }")}) == 3
    assert "." not in one


@pytest.mark.parametrize(
    ("statuses", "meaning"),
    [
        ((200, 201, 202, 204, 299), "delivered"),
        ((None, 408, 425, 429, 500, 502, 503, 504, 599), "again"),
        ((301, 302, 307, 308, 400, 401, 403, 404, 405, 409, 410, 413, 422, 451), "refused"),
    ],
)
def test_what_an_answer_means(statuses: tuple[int | None, ...], meaning: str) -> None:
    assert {status: Answer(status, "").meaning for status in statuses} == dict.fromkeys(statuses, meaning)


def test_a_detail_tells_status_and_the_beginning_of_the_body_in_one_line() -> None:
    assert Answer(400, "no\n such\taccount " + 500 * "x").detail == f"400 Bad Request: no such account {184 * 'x'}"
    assert Answer(299, "").detail == "299"
    assert Answer(None, "no answer within 1 s").detail == "no answer within 1 s"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_when_a_receiver_wants_to_be_called_again(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


def test_waits_are_spread_but_not_those_that_a_receiver_asks_for() -> None:
    numbers = iter([0.5, 1.5, 1.0])
    waits = Waits.of(CallRetries(attempts=3, delay="10s", factor=2), lambda: next(numbers))
    assert [waits.before(1, None), waits.before(2, None), waits.before(3, None)] == [5, 30, 40]
    assert waits.before(2, 7.0) == 7
    assert waits.before(4, 7.0) is None


def calls(count: int) -> list[Call]:
    return [Call(b'{"n": %d}' % number, lambda: {"webhook-id": "x"}) for number in range(count)]


def send(to: str, count: int = 1, timeout: float = 1, concurrency: int = 4) -> list[Answer]:
    return Receiver(to, timeout, concurrency).send(calls(count), threading.Event(), lambda *_: None)


def test_answers_come_in_the_order_of_calls(receiver: There) -> None:
    receiver.answer = lambda request: Reply(200, body=request.body, after=0.05 if b"1" in request.body else 0)
    assert [one.text for one in send(receiver.url, 30)] == [f'{{"n": {number}}}' for number in range(30)]


def test_no_more_calls_at_once_than_allowed_and_connections_are_used_again(receiver: There) -> None:
    receiver.answer = lambda _: Reply(204, after=0.02)
    assert {one.status for one in send(receiver.url, 40, concurrency=3)} == {204}
    assert receiver.most_at_once == 3
    assert receiver.connections == 3


def test_a_receiver_that_hangs_or_drips_costs_one_time_out(receiver: There) -> None:
    receiver.answer = lambda request: Reply(200, after=60) if b"0" in request.body else Reply(200, drip=0.2)
    began = time.monotonic()
    assert [one.detail for one in send(receiver.url, 2)] == ["no answer within 1 s"] * 2
    assert time.monotonic() - began < 2.5


def test_what_comes_too_late_is_for_nobody(receiver: There) -> None:
    receiver.answer = lambda request: Reply(200, after=1.2 if b'"n": 0' in request.body else 0.4)
    answers = send(receiver.url, 6, concurrency=2)
    assert [one.status for one in answers] == [None, 200, 200, 200, 200, 200]


def test_a_receiver_that_is_not_there_or_hangs_up_has_no_answer(receiver: There) -> None:
    receiver.answer = lambda _: Reply(0)
    assert [one.status for one in send(receiver.url)] == [None]
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        [answer] = send(address)
    assert answer.meaning == "again"
    assert answer.detail.startswith("ConnectionRefusedError")


def test_a_connection_that_was_closed_while_idle_is_made_anew(receiver: There) -> None:
    here = Receiver(receiver.url, 1, 1)
    for _ in range(3):
        [answer] = here.send(calls(1), threading.Event(), lambda *_: None)
        assert answer.status == 200
        receiver.hang_up()
    assert len(receiver.requests) == 3


def test_a_round_begins_no_calls_after_its_time_or_when_told_to_stop(receiver: There) -> None:
    receiver.answer = lambda _: Reply(200, after=0.3)
    answers = send(receiver.url, 1000, concurrency=2)
    assert 2 <= len(answers) <= 2 * BEGIN_WITHIN / 0.3 + 2
    stop = threading.Event()
    stop.set()
    assert len(Receiver(receiver.url, 1, 4).send(calls(9), stop, lambda *_: None)) == 1


def test_a_receiver_that_nobody_vouches_for_is_not_called(tmp_path: Path) -> None:
    made = "req -x509 -newkey rsa:2048 -nodes -keyout hook.key -out hook.crt -days 2 -subj /CN=localhost"
    openssl(tmp_path, *made.split(), "-addext", "subjectAltName=DNS:localhost")
    there = There(tmp_path / "hook.crt", tmp_path / "hook.key")
    stop, url = threading.Event(), there.url.replace("127.0.0.1", "localhost")
    try:
        [stranger] = Receiver(url, 5, 1).send(calls(1), stop, lambda *_: None)
        assert stranger.meaning == "again"
        assert "CERTIFICATE_VERIFY_FAILED" in stranger.detail
        assert there.requests == []
        for ca in (str(tmp_path / "hook.crt"), (tmp_path / "hook.crt").read_text()):
            known = Receiver(url, 1, 2, ca)
            assert [one.status for one in known.send(calls(4), stop, lambda *_: None)] == [200] * 4
            there.answer = lambda _: Reply(200, drip=0.2)
            assert known.send(calls(1), stop, lambda *_: None)[0].detail == "no answer within 1 s"
            there.answer = lambda _: Reply(200)
    finally:
        there.close()


def test_a_redirection_is_not_followed(receiver: There) -> None:
    receiver.answer = lambda _: Reply(307, headers={"Location": receiver.url})
    [answer] = send(receiver.url)
    assert answer.meaning == "refused"
    assert len(receiver.requests) == 1
