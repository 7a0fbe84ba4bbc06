"""The values with their words and the values as a schema say the same."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "mesoscale"


@pytest.fixture(scope="module")
def chart() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chart_of_tools", ROOT / "tools" / "chart.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_defaults_are_the_same_in_both(chart: ModuleType) -> None:
    written = yaml.safe_load((CHART / "values.yaml").read_text())
    known = chart.Values().model_dump(by_alias=True)
    assert written | {"global": {}} == known


@pytest.mark.parametrize("profile", sorted((CHART / "profiles").glob("*.yaml")), ids=lambda path: path.stem)
def test_profiles_hold_known_values_that_differ_from_the_defaults(chart: ModuleType, profile: Path) -> None:
    values = yaml.safe_load(profile.read_text())
    assert chart.Values.model_validate(values) != chart.Values()
    assert profile.read_text().startswith("# ")


def test_version_of_chart_packages_and_images_is_one(chart: ModuleType) -> None:
    from mesoscale.manifests import installation

    held = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert {held["version"], held["appVersion"]} == {installation.VERSION}
