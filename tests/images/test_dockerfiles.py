"""Dockerfiles are as they should be, and read as an engine reads them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import rootfs
from cluster.parts import cloudnative_pg, kafka, spark
from cluster.recipes import versions
from images import build, dockerfile, packages, recipe
from images.dockerfile import Instruction, NotUnderstood
from mesoscale.manifests import installation

ROOT = Path(__file__).parents[2]
IMAGES = recipe.names()
OURS = ("operator", "streams")
LABELS = {"title", "description", "version", "licenses", "vendor"}


def stages(name: str) -> list[dockerfile.Stage]:
    return dockerfile.read(ROOT / "images" / name / "Dockerfile")


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    files = [f"images/{name}/Dockerfile" for name in IMAGES]
    hadolint = Path(sys.executable).parent / "hadolint"
    said = subprocess.run([hadolint, *files], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (said.returncode, said.stdout) == (0, "")


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_runs_as_nobody_and_says_what_it_is(name: str) -> None:
    *_, last = stages(name)
    user = last.all("USER")[-1]
    assert re.fullmatch(r"[1-9]\d*(:\d+)?", user)
    labels = {key for text in last.all("LABEL") for key in dockerfile.pairs(text)}
    assert {f"org.opencontainers.image.{label}" for label in LABELS} <= labels


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_names_every_base_by_version_and_keeps_what_only_builds_it_out(name: str) -> None:
    found = stages(name)
    assert not [run for run in found[-1].all("RUN") if "pip" in run]
    for stage in found:
        assert stage.base in {other.name for other in found} or re.fullmatch(r"\S+:\d\S*", stage.base), stage.base


@pytest.mark.parametrize("name", IMAGES)
def test_packages_of_languages_come_from_a_lock_by_hash(name: str) -> None:
    runs = [run for stage in stages(name) for run in stage.all("RUN")]
    installs = [run for run in runs if re.search(r"\bpip\b.* install\b", run) and "requirement" in run]
    assert all("--require-hashes" in run and "--no-deps" in run for run in installs)
    downloads = [run for run in runs if re.search(r"\b(curl|wget)\b", run)]
    assert all("sha" in run for run in downloads)


@pytest.mark.parametrize("name", OURS)
def test_our_images_are_of_our_version_and_can_be_made_without_an_engine(name: str) -> None:
    read = recipe.read(name)
    assert read.version == installation.VERSION
    assert [part.stage for part in read.parts] == ["packages", "code"]
    assert read.config.user == "65532:65532"
    lock = packages.requirements(read.stages["packages"])
    assert lock == ROOT / "requirements" / f"{name}.txt"
    assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=\S)", lock.read_text().strip()))


@pytest.mark.parametrize("name", sorted(set(IMAGES) - {*OURS, "airflow"}))
def test_what_takes_an_engine_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(NotUnderstood, match="takes an engine"):
        build.archive(recipe.read(name))


@pytest.mark.parametrize(("name", "root"), [("spark", "java"), ("kafka", "java"), ("postgres", "postgresql")])
def test_an_image_and_that_of_the_bare_cluster_hold_the_same_packages_of_debian(name: str, root: str) -> None:
    read = recipe.read(name)
    assert set(read.packages) <= set(rootfs.ROOTS[root].packages)
    users = [command for command in read.commands if command.startswith(("useradd", "usermod"))]
    hooks = " ".join(rootfs.ROOTS[root].hooks)
    assert users
    assert all(command in hooks for command in users)


def test_versions_are_those_of_the_bare_clusters_parts() -> None:
    assert packages.requirements(recipe.read("spark").stages["packages"]) == spark.REQUIREMENTS
    assert f"pyspark=={versions().pyspark}" in spark.REQUIREMENTS.read_text()
    assert recipe.read("kafka").version in kafka.LOCK.read_text()
    assert f":{recipe.read('postgres').version}" in cloudnative_pg.SERVER
    for name in OURS:
        assert f"/python{versions().python}/" in recipe.read(name).parts[-1].target


def test_the_operators_image_carries_no_frames_and_no_drivers() -> None:
    lock = (ROOT / "requirements" / "operator.txt").read_text()
    assert not re.search(r"^(polars|pyarrow|psycopg|confluent-kafka|pandas)", lock, re.M)


def test_code_of_an_image_is_that_of_its_packages_and_of_what_these_import() -> None:
    [code] = recipe.read("streams").stages["code"].all("COPY")
    assert code.split()[:-1] == ["core/src", "models/src", "streams/src", "dashboard/src"]
    [code] = recipe.read("operator").stages["code"].all("COPY")
    assert code.split()[:-1] == ["core/src", "operator/src"]


def test_a_file_is_read_as_instructions_with_arguments_put_in(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text('ARG A=1\n# no\nFROM b:${A} AS one\nRUN x \\\n    && y\n\nFROM one\nENV P=q R="s t"\n')
    first, last = dockerfile.read(file)
    assert (first.base, first.name, last.base, last.name) == ("b:1", "one", "one", "")
    assert first.instructions == [Instruction("RUN", "x && y", 4)]
    assert dockerfile.pairs(last.all("ENV")[0]) == {"P": "q", "R": "s t"}
    assert dockerfile.read(file, {"A": "2"})[0].base == "b:2"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("FROM a\nHEALTHCHECK x\n", ":2: HEALTHCHECK"),
        ("FROM a:${B}\n", ":1: no value for ${B}"),
    ],
)
def test_what_is_not_understood_is_refused_by_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(text)
    with pytest.raises(NotUnderstood, match=re.escape(told)):
        dockerfile.read(file)
