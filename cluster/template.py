"""Files of this folder with names between @ and @, and what those names stand for."""

import re
from pathlib import Path

from cluster import images, layout

FOLDER = Path(__file__).parent


def filled(file: Path) -> str:
    """The file's text. `@NODE@` is layout.NODE, `@IMAGE_LOCAL_PATH@` the image called local-path, and so on.

    Raises:
        KeyError: nothing has such a name.
    """
    known = {name: str(value) for name, value in vars(layout).items() if name.isupper()}
    known |= {f"IMAGE_{_capitals(recipe.name)}": recipe.name for recipe in images.of_the_cluster()}
    return re.sub(r"@([A-Z_]+)@", lambda found: known[found[1]], file.read_text(encoding="utf-8"))


def write_config() -> list[str]:
    """Write the programs' settings to where they read them, and tell which files were not so before.

    A file that is right is not touched: kube-proxy ends as soon as its own is written, whatever it says.
    """
    changed = []
    for source in sorted(path for path in (FOLDER / "config").rglob("*") if path.is_file()):
        target = layout.CONFIG / source.relative_to(FOLDER / "config")
        text = filled(source)
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            changed.append(source.name)
    return changed


def manifests() -> list[str]:
    """What is applied to a fresh cluster, in its order."""
    return [filled(file) for file in sorted((FOLDER / "manifests").glob("*.yaml"))]


def _capitals(tag: str) -> str:
    return tag.removeprefix(images.PREFIX).split(":")[0].upper().replace("-", "_")
