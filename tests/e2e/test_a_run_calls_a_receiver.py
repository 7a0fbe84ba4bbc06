"""`meso run --until-done` ends when a receiver has had every record, and does not begin without its secret."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fix_meso import MesoRun
from fix_pipeline import payments
from fix_receiver import SECRET, Receiver, Reply

COUNT = 200
DOCUMENT = """\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {name: calling}
spec:
  sources:
    - {name: given, contract: transaction, replay: {file: given.ndjson}}
  sinks:
    - {name: call, from: given, webhook: {secret: receiver, retries: {delay: 1s, factor: 1}}}
"""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    (tmp_path / "given.ndjson").write_bytes(b"\n".join(value or b"" for _, value in payments(COUNT)))
    (tmp_path / "calling.yaml").write_text(DOCUMENT)
    return tmp_path / "calling.yaml"


def test_a_run_ends_when_all_is_delivered_and_stores_nothing(
    document: Path, receiver: Receiver, meso_run: Callable[..., MesoRun]
) -> None:
    secret = document.parent / ".meso" / "secrets" / "receiver"
    secret.mkdir(parents=True)
    (secret / "key").write_text(SECRET)
    (secret / "url").write_text(f"{receiver.url}\n")
    failed: set[str] = set()

    def second_time(request: object) -> Reply:
        assert hasattr(request, "id")
        again = request.id in failed or len(failed) >= 20
        failed.add(request.id)
        return Reply(200 if again else 502)

    receiver.answer = second_time
    code, out = meso_run(document, "--until-done", "--output", "json").finish()
    report = json.loads(out)
    assert code == 0, report
    assert sorted({one.body for one in receiver.requests}) == sorted(value or b"" for _, value in payments(COUNT))
    assert all(one.signed for one in receiver.requests)
    assert len(receiver.requests) == COUNT + 20
    assert report["ledger"] == "closed"
    assert report["tables"] == {}
    assert not (document.parent / ".meso" / "calling" / "postgres").exists()


def test_a_run_without_the_secret_says_how_to_make_it(document: Path, meso_run: Callable[..., MesoRun]) -> None:
    run = meso_run(document, "--until-done")
    code, _ = run.finish()
    assert code == 4
    assert '"call" signs what it sends by the secret receiver' in run.stderr
    assert "openssl rand -base64 32" in run.stderr
