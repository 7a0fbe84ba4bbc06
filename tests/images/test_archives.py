"""What is made without an engine can be read and run by the image's own user."""

import io
import json
import tarfile
from pathlib import Path

from cluster import image
from images import build, code, dockerfile, recipe
from images.dockerfile import Instruction, Stage

ROOT = Path(__file__).parents[2]


def test_whoever_runs_the_image_may_read_all_of_a_layer(tmp_path: Path) -> None:
    with build.folder_of_a_layer() as folder:
        code.fill(recipe.read("operator").stages["code"], folder, "/opt/x")
        image.layer(tmp_path / "layer.tar", [image.Addition(folder, "/opt/x")])
    with tarfile.open(tmp_path / "layer.tar") as tar:
        members = tar.getmembers()
    assert len(members) > 100
    for one in members:
        wanted = 0o555 if one.isdir() else 0o444
        assert one.mode & wanted == wanted, one.name
        assert (one.uid, one.gid, one.mtime) == (0, 0, 0)


def test_files_are_compiled_and_bound_to_no_time(tmp_path: Path) -> None:
    stage = Stage("x", "code", [Instruction("COPY", "dags/mesoscale_dags.py dags/mesoscale_collect.py /code/", 1)])
    code.fill(stage, tmp_path, "/opt/airflow/dags")
    compiled = {path.name.partition(".")[0]: path.read_bytes() for path in (tmp_path / "__pycache__").iterdir()}
    assert compiled.keys() == {"mesoscale_dags", "mesoscale_collect"}
    for content in compiled.values():
        assert content[4:8] == b"\x01\x00\x00\x00"  # by hash, and the hash is not looked at: PEP 552
        assert b"/opt/airflow/dags/" in content


def test_equal_content_gives_an_equal_image(tmp_path: Path) -> None:
    base = tmp_path / "base.tar"
    with tarfile.open(base, "w") as tar:
        tar.addfile(tarfile.TarInfo("etc"), io.BytesIO())
    written = []
    for name in ("one.tar", "two.tar"):
        with build.folder_of_a_layer() as folder:
            code.fill(recipe.read("operator").stages["code"], folder, "/opt/x")
            config = recipe.read("operator").config
            image.write(tmp_path / name, "mesoscale/x:1", [base], [image.Addition(folder, "/opt/x")], config)
        with tarfile.open(tmp_path / name) as tar:
            manifest = tar.extractfile("manifest.json")
            assert manifest is not None
            written.append(json.loads(manifest.read()))
    assert written[0] == written[1]


def test_every_dockerfile_is_read() -> None:
    assert {"airflow", "kafka", "operator", "postgres", "spark", "streams"} == set(recipe.names())
    for name in recipe.names():
        assert dockerfile.read(ROOT / "images" / name / "Dockerfile")[-1].name == ""
