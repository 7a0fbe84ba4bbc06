"""`meso uninstall`: everything of Mesoscale out of a Kubernetes cluster, without its chart at hand."""

import subprocess
import sys
from importlib.util import find_spec

import click

from mesoscale_local.cli import options

EXAMPLES = options.examples(
    "meso uninstall --dry-run",
    "meso uninstall",
    "meso uninstall --data delete -o json",
    "meso uninstall --namespace weather --definition keep",
)
PROGRAM = "mesoscale_operator"
KEEP_OR_DELETE = click.Choice(("delete", "keep"))


@click.command("uninstall", epilog=EXAMPLES)
@click.option("-n", "--namespace", multiple=True, help="Of these namespaces only; all without.")
@click.option("--operator", metavar="NAMESPACE/NAME", help="The operator's Deployment, if not all with its labels.")
@click.option("--documents", type=KEEP_OR_DELETE, default="delete", show_default=True, help="Kept ones run on.")
@click.option("--data", type=KEEP_OR_DELETE, default="keep", show_default=True, help="Topics and databases.")
@click.option("--definition", type=KEEP_OR_DELETE, default="delete", show_default=True, help="Of WeatherPipelines.")
@click.option("--deadline", type=float, default=75.0, show_default=True, help="Seconds for the end of pipelines.")
@click.option("--dry-run", is_flag=True, help="Only say what there is, and what would become of it.")
@options.output("text", "json")
@click.pass_context
def command(context: click.Context, /, namespace: tuple[str, ...], dry_run: bool, **chosen: str | float | None) -> None:
    """Take all pipelines, the operator's hold on them and their definition out of a cluster; data stays.

    The cluster is the one of $KUBECONFIG or ~/.kube/config. It ends in some three minutes at most, whatever is
    there or not: an operator that works takes the pipelines down in order first.
    """
    if find_spec(PROGRAM) is None:
        raise click.ClickException("this needs the package mesoscale-operator here; install it beside this one")
    argv = [sys.executable, "-m", f"{PROGRAM}.uninstall", *(f"--namespace={one}" for one in namespace)]
    argv += [f"--{name}={value}" for name, value in chosen.items() if value is not None]
    argv += ["--dry-run"] if dry_run else []
    context.exit(subprocess.run(argv, check=False).returncode)
