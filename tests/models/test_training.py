"""What is trained beats the rules on payments it has not seen, is the same by seed, and is served as it was judged."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from fix_models import ARGUMENTS, Trained

from mesoscale.errors import DocumentRefused, PlanRefused
from mesoscale_models import artefact, measures
from mesoscale_models.fraud import history, reasons
from mesoscale_models.fraud.features import NAMES
from mesoscale_models.fraud.scoring import Scorer
from mesoscale_models.training import boosting, fraud, onnx_trees, payments, split, table


def quiet(_: str) -> None:
    pass


def test_the_model_beats_the_rules_clearly_on_the_same_payments(trained: Trained) -> None:
    model, rules = trained.card["metrics"]["model"], trained.card["metrics"]["rules"]
    assert model["pr_auc"] > 2 * rules["pr_auc"]
    assert model["pr_auc"] > 2 * trained.card["metrics"]["best_single_feature"]["pr_auc"]
    assert model["recall_at_1pct_false_alarms"] > 2 * rules["recall_at_1pct_false_alarms"]
    assert model["cost"] < 0.5 * rules["cost"]
    assert set(trained.card["metrics"]["recall_by_pattern"]) == {"velocity", "takeover", "travel", "card-testing"}


def test_probabilities_are_as_frequent_as_they_say(trained: Trained) -> None:
    parts = split.by_time(trained.payments["occurred_at"])
    found = history.extract(trained.payments)[parts.test]
    truth = trained.payments["fraud_pattern"].is_not_null().to_numpy()[parts.test]
    probability = Scorer(trained.version).score(found).probability
    assert probability.mean() == pytest.approx(truth.mean(), rel=0.25)
    for low, high in ((0.0, 0.02), (0.02, 0.3), (0.3, 1.0)):
        inside = (probability >= low) & (probability < high)
        assert probability[inside].mean() == pytest.approx(truth[inside].mean(), rel=0.4, abs=0.003)


def test_parts_follow_each_other_in_time(trained: Trained) -> None:
    at = trained.payments["occurred_at"]
    parts = split.by_time(at)
    assert (parts.train.astype(int) + parts.calibrate + parts.test == 1).all()
    assert at.filter(parts.train).max() < at.filter(parts.calibrate).min()  # type: ignore[operator]
    assert at.filter(parts.calibrate).max() < at.filter(parts.test).min()  # type: ignore[operator]
    assert parts.train.mean() == pytest.approx(0.6, abs=0.01)


def test_a_short_history_does_not_teach_the_hour_of_the_day(trained: Trained) -> None:
    """Two hours of payments: there the hour by the sun only says where an account lives."""
    assert {"hour", "count_24h", "sum_24h"} <= set(trained.card["data"]["too_short_for"])
    scorer = Scorer(trained.version)
    found = history.extract(trained.payments.head(20_000))
    other = found.copy()
    other[:, NAMES.index("hour")] = (other[:, NAMES.index("hour")] + 11) % 24
    assert (scorer.score(found).probability == scorer.score(other).probability).all()


def test_the_exported_graph_answers_as_the_trained_model(payments_to_learn_from: pl.DataFrame, tmp_path: Path) -> None:
    found = history.extract(payments_to_learn_from.head(40_000))
    truth = payments_to_learn_from["fraud_pattern"].head(40_000).is_not_null().to_numpy()
    model = boosting.fit(found, truth, 0)
    versions, card = tmp_path / "models", {"version": "1", "threshold": 0.5, "typical": [0.0] * len(NAMES)}
    card["features"] = {"version": 1, "names": list(NAMES)}
    folder = artefact.write(versions, "1", onnx_trees.export(model, len(NAMES), 1.0, 0.0), card)
    other = np.random.default_rng(1).normal(0, 1000, (20_000, len(NAMES))).astype(np.float32)
    other[::3, ::2] = np.nan
    for batch in (found, other):
        expected = model.predict_proba(batch)[:, 1]
        np.testing.assert_allclose(Scorer(folder).score(batch).probability, expected, atol=2e-6)


def test_scores_do_not_depend_on_the_batch(trained: Trained) -> None:
    scorer = Scorer(trained.version)
    found = history.extract(trained.payments.head(3000))
    whole = scorer.score(found)
    for size in (1, 7, 1000):
        rows = 200 if size == 1 else 3000
        parts = [scorer.score(found[first : first + size]) for first in range(0, rows, size)]
        assert np.concatenate([part.probability for part in parts])[:rows].tolist() == whole.probability[:rows].tolist()
        assert [text for part in parts for text in part.reasons][:rows] == whole.reasons[:rows]
    assert scorer.score(found[:0]).reasons == []


def test_an_alert_says_why(trained: Trained) -> None:
    scores = Scorer(trained.version).score(history.extract(trained.payments))
    flagged = [text for text, alert in zip(scores.reasons, scores.alert, strict=True) if alert]
    assert len(flagged) > 100
    assert {text for text, alert in zip(scores.reasons, scores.alert, strict=True) if not alert} == {""}
    told = pl.DataFrame({"why": scores.reasons, "pattern": trained.payments["fraud_pattern"], "alert": scores.alert})
    assert {word for text in flagged for word in text.split(",") if word} <= set(reasons.SIDES)
    words = told.filter("alert", pl.col("pattern") == "travel")["why"].str.split(",")
    assert words.list.contains("place").mean() > 0.8, "who is robbed far away is told so"  # type: ignore[operator]


def test_the_same_seed_gives_the_same_version_to_the_byte(trained: Trained, tmp_path: Path) -> None:
    again = fraud.train(trained.payments, tmp_path, fraud.Settings(seed=5), quiet)
    assert again["version"] == trained.card["version"]
    for name in (artefact.GRAPH, artefact.CARD):
        other = tmp_path / "models" / "fraud" / again["version"] / name
        assert other.read_bytes() == (trained.version / name).read_bytes()
    other_seed = fraud.train(trained.payments, tmp_path, fraud.Settings(seed=6), quiet)
    assert other_seed["version"] != trained.card["version"]


def test_the_better_one_is_promoted(trained: Trained, tmp_path: Path) -> None:
    versions = artefact.folder(tmp_path, "fraud")
    settings = fraud.Settings(seed=5, promote="never")
    first = fraud.train(trained.payments, tmp_path, settings, quiet)
    assert artefact.champion(versions) is None
    noise = trained.payments.with_columns(pl.col("fraud_pattern").shuffle(seed=1))
    poor = fraud.train(noise, tmp_path, fraud.Settings(seed=5), quiet)
    assert artefact.champion(versions) == versions / poor["version"], "the first one is better than none"
    better = fraud.train(trained.payments, tmp_path, fraud.Settings(seed=5), quiet)
    assert better["promoted"]
    assert artefact.champion(versions) == versions / first["version"]


def test_a_champion_that_does_better_stays(trained: Trained, tmp_path: Path) -> None:
    versions = artefact.folder(tmp_path, "fraud")
    good = fraud.train(trained.payments, tmp_path, fraud.Settings(seed=5), quiet)
    short = trained.payments.tail(75_000)
    settings = {**boosting.SETTINGS}
    try:
        boosting.SETTINGS["max_iter"] = 1
        poor = fraud.train(short, tmp_path, fraud.Settings(seed=5), quiet)
    finally:
        boosting.SETTINGS.update(settings)
    assert not poor["promoted"]
    assert artefact.champion(versions) == versions / good["version"]


def test_a_history_with_too_little_fraud_is_refused(payments_to_learn_from: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(PlanRefused, match=r"too short: one of its three parts holds \d+ fraudulent payments of 50"):
        fraud.train(payments_to_learn_from.head(5000), tmp_path, fraud.Settings(), quiet)


def test_a_model_of_other_features_is_refused(trained: Trained, tmp_path: Path) -> None:
    card: dict[str, Any] = json.loads((trained.version / artefact.CARD).read_text())
    card["features"]["names"][0] = "count_2m"
    folder = artefact.write(tmp_path, "other", (trained.version / artefact.GRAPH).read_bytes(), card)
    with pytest.raises(PlanRefused, match=r"was trained on other features(?s:.*)meso train fraud"):
        Scorer(folder)


def test_a_torn_version_is_refused(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / artefact.CARD).write_bytes((trained.version / artefact.CARD).read_bytes())
    with pytest.raises(PlanRefused, match=r"holds no whole model: model\.onnx is missing"):
        Scorer(tmp_path / "torn")


def test_a_version_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full after the graph: no version, no leftovers, and the champion of before."""
    artefact.write(tmp_path, "one", b"graph", {"version": "one"})
    artefact.promote(tmp_path, "one")
    real = os.fsync
    calls = iter(range(10))

    def full(descriptor: int) -> None:
        if next(calls) == 1:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        artefact.write(tmp_path, "two", b"graph", {"version": "two"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["champion", "one"]
    assert artefact.champion(tmp_path) == tmp_path / "one"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("history.csv", b"", "none of .arrow, .parquet, .ndjson"),
        ("history.arrow", b"no arrow", "cannot be read"),
        ("history.ndjson", b'{"transaction_id": "1", "acount": "x"}\n', "has no column account"),
    ],
)
def test_a_history_that_is_none_is_told(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DocumentRefused, match=message):
        payments.read(tmp_path / name)


def test_a_history_can_be_read_from_a_file_of_json(payments_to_learn_from: pl.DataFrame, tmp_path: Path) -> None:
    some = payments_to_learn_from.head(100)
    some.with_columns(pl.col("occurred_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")).write_ndjson(
        tmp_path / "some.ndjson"
    )
    assert payments.read(tmp_path / "some.ndjson").equals(some)


def test_the_program_trains_from_a_document_and_prints_the_table_or_the_card(tmp_path: Path) -> None:
    document = tmp_path / "pipeline.yaml"
    document.write_text(DOCUMENT)
    program = [sys.executable, "-m", "mesoscale_models", "train", "fraud", "--home", str(tmp_path / "home")]
    program += ["--document", str(document), "--records", "60000"]
    text = subprocess.run(program, capture_output=True, text=True, check=True, timeout=200)
    assert "recall at 1 % false alarms" in text.stdout
    assert "it is the champion now" in text.stdout
    card = json.loads(
        subprocess.run([*program, "--output", "json"], capture_output=True, check=True, timeout=200).stdout
    )
    assert table.render(card) in text.stdout
    assert artefact.champion(tmp_path / "home" / "models" / "fraud") is not None
    wrong = subprocess.run([*program, "--source", "payment"], capture_output=True, text=True, check=False, timeout=60)
    assert wrong.returncode == DocumentRefused.exit_code
    assert '"payment" is not a synthetic source (payments)' in wrong.stderr


DOCUMENT = """\
apiVersion: mesoscale.dev/v1alpha1
kind: WeatherPipeline
metadata: {name: bank}
spec:
  sources:
    - {name: payments, contract: transaction, synthetic: {perSecond: 20, accounts: 2000, fraudRate: 0.02, seed: 7}}
  sinks:
    - {name: history, from: payments, table: {}}
"""


def test_the_arguments_of_the_fixture_are_understood() -> None:
    assert payments.make(10, 1, ARGUMENTS).height == 10


def test_the_measures_of_a_card_are_those_of_its_test_part(trained: Trained) -> None:
    parts = split.by_time(trained.payments["occurred_at"])
    probability = Scorer(trained.version).score(history.extract(trained.payments)[parts.test]).probability
    truth = trained.payments["fraud_pattern"].is_not_null().to_numpy()[parts.test]
    assert measures.pr_auc(probability, truth) == trained.card["metrics"]["model"]["pr_auc"]


def test_a_version_without_a_folder_of_its_own_is_the_promoted_one(trained: Trained, tmp_path: Path) -> None:
    """As a ConfigMap brings it, which has no folders."""
    assert artefact.champion(tmp_path) is None
    for file in trained.version.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert artefact.champion(tmp_path) == tmp_path
    assert Scorer(tmp_path).version == trained.card["version"]
