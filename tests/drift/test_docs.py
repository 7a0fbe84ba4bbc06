"""What the documents say of the code is still so."""

import re
import subprocess
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from mesoscale.errors import Reason
from mesoscale_local.cli import commands

ROOT = Path(__file__).parents[2]
TRACKED = [ROOT / line for line in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines()]
PRESENT = [path for path in TRACKED if path.exists()]
PAGES = [path for path in PRESENT if path.suffix == ".md"]
FOLDERS = {path.relative_to(ROOT).parts[0] for path in PRESENT if path.parent != ROOT}
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#]*)#?([^)]*)\)")
CALL = re.compile(r"^(?:```.*\n)?(?:    |\$ )?(?:\.venv/bin/)?meso ([a-z]+)(.*)$|`meso ([a-z]+)([^`]*)`", re.M)


def page(name: str) -> str:
    return (ROOT / name).read_text()


def anchors(text: str) -> set[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(source: Path, target: str, anchor: str) -> bool:
    file = source.parent / target if target else source
    return file.exists() and (not anchor or anchor in anchors(file.read_text()))


@pytest.mark.parametrize("source", PAGES, ids=lambda source: str(source.relative_to(ROOT)))
def test_every_link_leads_somewhere(source: Path) -> None:
    broken = [link for link in LINK.findall(source.read_text()) if not leads_somewhere(source, *link)]
    assert not broken


def test_diagrams_avoid_what_mermaid_does_not_read() -> None:
    diagrams = [text for source in PAGES for text in re.findall(r"```mermaid\n(.*?)```", source.read_text(), re.S)]
    assert len(diagrams) >= 5
    for diagram in diagrams:
        assert ";" not in diagram, "a semicolon ends the statement"
        nodes = re.findall(r"(?:^|> )\s*(\w+)(?=\[| --| -\.)", diagram, re.M) if "flowchart" in diagram else []
        assert not {"graph", "end", "subgraph"} & set(nodes), "a word of the language as a node"


def test_every_make_target_in_the_pages_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", page("Makefile"), re.M))
    pages = "\n".join(source.read_text() for source in PAGES)
    named = {one or other for one, other in re.findall(r"^    make ([a-z-]+)|`make ([a-z-]+)", pages, re.M)}
    assert {"demo", "test"} <= named <= targets


def test_every_command_in_the_pages_exists_with_its_options() -> None:
    context = click.Context(commands)
    known = {name: commands.get_command(context, name) for name in commands.list_commands(context)}
    named = set()
    for source in PAGES:
        for found in CALL.findall(source.read_text()):
            name, rest = found[0] or found[2], found[1] or found[3]
            command = known.get(name)
            assert command is not None, f"{source.name}: meso {name}"
            if isinstance(command, click.Group) and rest.strip():
                command = command.commands[rest.split()[0]]
            options = {text for one in command.params for text in (*one.opts, *one.secondary_opts)}
            assert set(re.findall(r"(?<=\s)--[a-z-]+", rest)) <= options, f"{source.name}: meso {name}{rest}"
            named.add(name)
    assert named == known.keys()


def test_the_lines_of_the_readme_are_the_minimal_example() -> None:
    [shown] = re.findall(r"```yaml\n(.*?)```", page("README.md"), re.S)
    assert yaml.safe_load(shown) == yaml.safe_load(page("examples/minimal.yaml"))


def test_reasons_are_explained_and_nothing_else_is() -> None:
    explained = re.findall(r"^\| `(\w+)`", page("docs/reasons.md"), re.M)
    assert sorted(explained) == sorted(Reason)


def test_every_reason_is_given_somewhere() -> None:
    sources = "\n".join(path.read_text() for path in PRESENT if "src" in path.parts and path.suffix == ".py")
    unused = [reason.name for reason in Reason if f"Reason.{reason.name}" not in sources]
    assert not unused


def test_the_layers_in_the_architecture_are_those_of_the_linter() -> None:
    settings = tomllib.loads(page("pyproject.toml"))
    text = " ".join(page("ARCHITECTURE.md").split()).replace("`", "")
    contracts = [one for one in settings["tool"]["importlinter"]["contracts"] if one["type"] == "layers"]
    assert len(contracts) >= 5
    for contract in contracts:
        assert " > ".join(contract["layers"]) in text, contract["name"]


def test_the_architecture_names_every_folder_and_package_and_no_other() -> None:
    [tree] = re.findall(r"## Rooms\n\n(.*?)\n\n", page("ARCHITECTURE.md"), re.S)
    rooms: dict[str, set[str]] = {}
    room = ""
    for line in tree.splitlines():
        names = re.findall(r"([\w.]+)/", line[:30])
        if line.startswith("      "):
            rooms[room] |= set(names)
        else:
            [room] = names
            rooms[room] = set()
    assert rooms.keys() == {folder for folder in FOLDERS if not folder.startswith(".")}
    for package in ROOT.glob("*/src/mesoscale*"):
        inside = {path.relative_to(package).parts[0] for path in PRESENT if package in path.parents[1:]}
        assert rooms[package.relative_to(ROOT).parts[0]] == inside


def test_every_top_folder_says_what_it_is_for() -> None:
    silent = [name for name in FOLDERS if not name.startswith(".") and not (ROOT / name / "README.md").exists()]
    assert not silent


def test_the_coverage_claims_nothing_without_a_test_that_is_there() -> None:
    text = page("docs/coverage.md")
    rows = [[cell.strip() for cell in row.split("|")] for row in re.findall(r"^\| [LK]\d.*$", text, re.M)]
    assert len(rows) == 26 + 6
    for _, row, _, form, _, guards, _ in rows:
        assert re.match(r"(built|part|not yet)\b", form), row
        assert not form.startswith("built") or "test_" in guards, row
    named = re.findall(r"`(\w+/test_\w+\.py)`", text)
    assert not [name for name in named if not (ROOT / "tests" / name).exists()]


def test_decisions_are_numbered_without_gaps_and_end_with_what_would_change_our_mind() -> None:
    decisions = sorted(path for path in PAGES if path.parent.name == "adr")
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        titles = re.findall(r"^(?:## |\*\*)([^*\n]+)", path.read_text(), re.M)
        assert titles[-1].strip(" .") == "What would change our mind", path.name


def test_no_file_names_a_registry_or_a_place_of_one_machine() -> None:
    # Put together from parts, so that this file holds none of what it looks for.
    hosts = ("pypi" + ".org", "files.python" + "hosted", "repo1." + "maven", "repo.maven." + "apache", "npmjs" + ".")
    places = ("/" + "work/", "/" + "root/", "/" + "home/[a-z]")
    forbidden = re.compile(rf"{'|'.join(map(re.escape, hosts))}|(?<![\w.}}-])(?:{'|'.join(places)})")
    for path in PRESENT:
        if path.suffix not in (".png", ".woff2"):
            found = forbidden.search(path.read_text(errors="replace"))
            assert not found, f"{path.relative_to(ROOT)}: {found.group()}"
