"""What the documents say of the code is still so."""

import re
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

from mesoscale.errors import Reason
from mesoscale_local.cli import commands

CONTEXT = click.Context(commands)
ROOT = Path(__file__).parents[2]
TRACKED = [ROOT / line for line in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()]
PAGES = [path for path in TRACKED if path.suffix == ".md" and path.exists()]
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")


def fences(page: Path) -> str:
    """Commands: fenced or indented lines."""
    text = page.read_text()
    return "\n".join(re.findall(r"```(?:bash|sh)?\n(.*?)```", text, re.S) + re.findall(r"^    .*$", text, re.M))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not broken


def test_every_make_target_in_the_pages_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    pages = "\n".join(page.read_text() for page in PAGES)
    named = set(re.findall(r"^    make ([a-z-]+)|`make ([a-z-]+)", pages, re.M))
    named = {one or other for one, other in named}
    assert named
    assert named <= targets


def test_every_command_of_the_readme_exists() -> None:
    named = set(re.findall(r"meso ([a-z]+)", fences(ROOT / "README.md") + (ROOT / "README.md").read_text()))
    assert {"run", "validate", "plan"} <= named & set(commands.list_commands(CONTEXT))
    assert set(re.findall(r"`meso ([a-z]+)", (ROOT / "README.md").read_text())) <= set(commands.list_commands(CONTEXT))


def test_reasons_are_explained_and_nothing_else_is() -> None:
    explained = re.findall(r"^\| `(\w+)`", (ROOT / "docs" / "reasons.md").read_text(), re.M)
    assert sorted(explained) == sorted(Reason)


def test_every_reason_is_given_somewhere() -> None:
    sources = "\n".join(path.read_text() for path in TRACKED if "src" in path.parts and path.suffix == ".py")
    unused = [reason.name for reason in Reason if f"Reason.{reason.name}" not in sources]
    assert not unused


def test_the_layers_in_the_architecture_are_those_of_the_linter() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    page = " ".join((ROOT / "ARCHITECTURE.md").read_text().split()).replace("`", "")
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            assert " > ".join(contract["layers"]) in page


def test_every_top_folder_says_what_it_is_for() -> None:
    folders = {path.relative_to(ROOT).parts[0] for path in TRACKED if len(path.relative_to(ROOT).parts) > 1}
    silent = [name for name in folders if not name.startswith(".") and not (ROOT / name / "README.md").exists()]
    assert not silent


def test_decisions_are_numbered_without_gaps_and_say_what_would_change_them() -> None:
    decisions = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        assert "what would change our mind" in path.read_text().lower(), path.name


def test_no_file_names_a_registry_or_a_place_of_one_machine() -> None:
    # Put together from parts, so that this file is none of those it looks for.
    hosts = ("pypi" + ".org", "files.python" + "hosted", "repo1." + "maven", "repo.maven." + "apache")
    places = ("/" + "work/main", "/" + "root/")
    for path in TRACKED:
        if path.suffix not in (".png", ".woff2") and path.exists():
            text = path.read_text(errors="replace")
            assert not [word for word in (*hosts, *places) if word in text], path
