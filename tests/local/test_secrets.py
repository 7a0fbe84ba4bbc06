"""Secrets of a run on this machine are files below `.meso/secrets`, laid out as a cluster mounts them."""

from pathlib import Path

import pytest

from mesoscale import document
from mesoscale.bindings import Webhook
from mesoscale.errors import ServiceUnavailable
from mesoscale.graph.build import build
from mesoscale.graph.types import Graph
from mesoscale_local import secrets
from mesoscale_local.home import Home

KEY = f"whsec_{8 * 'QUJD'}"


def graph(*hooks: str) -> Graph:
    sinks = ", ".join(f"{{name: call-{number}, from: w, webhook: {hook}}}" for number, hook in enumerate(hooks))
    text = (
        "apiVersion: mesoscale.dev/v1alpha1\nkind: WeatherPipeline\nmetadata: {name: p}\nspec:\n"
        f"  sources: [{{name: w, contract: observation, replay: {{dataset: nyc-2013}}}}]\n  sinks: [{sinks}]\n"
    )
    return build(document.parse(text, "p.yaml").pipeline)


def write(home: Path, name: str, **entries: str) -> None:
    (home / "secrets" / name).mkdir(parents=True)
    for entry, text in entries.items():
        (home / "secrets" / name / entry).write_text(text)


def test_the_files_of_a_secret_are_its_entries(tmp_path: Path) -> None:
    write(tmp_path, "ours", key=f"{KEY}\n", url="http://127.0.0.1:1/hook\n", other="x")
    write(tmp_path, "theirs", key=KEY)
    write(tmp_path, "unasked", key="not a key")
    asked = graph("{secret: ours}", "{secret: theirs, url: 'https://r.example/'}", "{secret: ours}")
    assert secrets.webhooks(asked, Home.of(tmp_path, "p")) == {
        "ours": Webhook(KEY, "http://127.0.0.1:1/hook"),
        "theirs": Webhook(KEY),
    }


def test_a_document_without_webhooks_needs_no_secrets(tmp_path: Path) -> None:
    assert secrets.webhooks(graph(), Home.of(tmp_path, "p")) == {}


def test_what_is_missing_is_told_with_the_way_to_make_it(tmp_path: Path) -> None:
    write(tmp_path, "ours", url="http://127.0.0.1:1/hook")
    with pytest.raises(ServiceUnavailable) as refused:
        secrets.webhooks(graph("{secret: theirs}"), Home.of(tmp_path, "p"))
    assert f'"call-0" signs what it sends by the secret theirs, and {tmp_path}/secrets/theirs has no file key' in str(
        refused.value
    )
    assert f"mkdir -p {tmp_path}/secrets/theirs" in refused.value.problems[0].hint
    with pytest.raises(ServiceUnavailable, match="has no entry key"):
        secrets.webhooks(graph("{secret: ours}"), Home.of(tmp_path, "p"))


def test_an_address_is_needed(tmp_path: Path) -> None:
    write(tmp_path, "ours", key=KEY)
    with pytest.raises(ServiceUnavailable, match="neither the document nor secret ours says where"):
        secrets.webhooks(graph("{secret: ours}"), Home.of(tmp_path, "p"))
