"""Commands built out of Go modules by package path, as things of the store."""

import os
import re
from pathlib import Path

from cluster import commands, progress, store
from cluster.errors import Missing
from cluster.recipes import GoCommands, versions


def built(name: str) -> store.Thing:
    """The component's commands, one file each."""
    component = versions().components[name]
    sources = sorted(path for path in component.folder.iterdir() if path.suffix in {".go", ".mod", ".sum"})
    packages = [f"{command}={component.package(command)}" for command in component.commands]
    recipe = (
        *(path.read_text(encoding="utf-8") for path in sources),
        *packages,
        component.link_flags(),
        *component.tags,
    )
    return store.Thing(name, recipe, lambda folder: _build(component, folder))


def module_folder(name: str) -> Path:
    """Where the sources of the component's module lie; charts and manifests come with them.

    Raises:
        Missing: there is no Go, or it is too old.
        ClusterError: it cannot fetch the module.
    """
    component = versions().components[name]
    demand_go(f"the files of {name}")
    commands.run(["go", "mod", "download", component.module], cwd=component.folder)
    return Path(commands.run(["go", "list", "-m", "-f", "{{.Dir}}", component.module], cwd=component.folder).strip())


def _build(component: GoCommands, folder: Path) -> None:
    demand_go(component.name)
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -trimpath -mod=readonly"}
    for command in component.commands:
        progress.say(f"  {command} {component.version}")
        flags = ["-ldflags", component.link_flags(), "-tags", ",".join(component.tags), "-o", str(folder / command)]
        commands.run(["go", "build", *flags, component.package(command)], cwd=component.folder, env=env)


def demand_go(what: str) -> None:
    """Return where Go is there, and new enough.

    Raises:
        Missing: it is not.
    """
    least = versions().go
    hint = f"install Go {least} or newer, or set MESO_KUBECONFIG to a cluster that is there already"
    if not commands.present("go"):
        raise Missing(f"Go is needed to build {what}, and is not installed", hint)
    found = commands.run(["go", "env", "GOVERSION"])
    numbers = re.search(r"go([\d.]+)", found)
    if numbers is None or [int(part) for part in numbers[1].split(".")] < [int(part) for part in least.split(".")]:
        raise Missing(f"Go {least} or newer is needed to build {what}, and this is {found.strip()}", hint)
