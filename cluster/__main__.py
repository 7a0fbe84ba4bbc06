"""The command `python -m cluster`: reads arguments, and prints what to export on standard output."""

import argparse
import shlex
import sys
from pathlib import Path

from cluster import choose, image, layout, node, parts, progress, resolve, rootfs, store
from cluster.errors import ClusterError, Missing
from cluster.recipes import versions


def up(arguments: argparse.Namespace) -> None:
    """Bring the chosen cluster up, and say how to use it."""
    cluster = choose.choose()
    progress.say(f"using {cluster.name}")
    cluster.up(arguments.audit)
    progress.say("the cluster is up; use it with")
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    if cluster.kubectl().is_absolute():
        print(f"export PATH={cluster.kubectl().parent}:$PATH")


def down(_: argparse.Namespace) -> None:
    """Take it away."""
    cluster = choose.choose()
    cluster.down()
    progress.say(f"nothing is left of {cluster.name}")


def build(arguments: argparse.Namespace) -> None:
    """Build all that the chosen cluster is made of and those parts, and start nothing."""
    cluster = choose.choose()
    try:
        cluster.build()
        for name in (*arguments.part, *(parts.FOR_TESTS if arguments.tests else ())):
            parts.build(name)
    except Missing as error:
        if not arguments.if_possible:
            raise
        print(f"!!! NO CLUSTER: {error.message}: {error.hint}", file=sys.stderr)


def status(_: argparse.Namespace) -> None:
    """Which programs of the bare cluster run."""
    for name, (pid, _words) in sorted(node.running().items()):
        log = layout.LOGS / f"{name}.log"
        print(f"{pid:8} {name} {log if log.exists() else ''}")


def part(arguments: argparse.Namespace) -> None:
    """Install parts into the cluster."""
    cluster = choose.choose()
    for name in arguments.name or parts.NAMES:
        with progress.step(name):
            parts.install(name, cluster)


def load(arguments: argparse.Namespace) -> None:
    """Give images to the cluster."""
    cluster = choose.choose()
    for archive in arguments.archive:
        cluster.load(archive)
        progress.say(f"loaded {archive.name}")


def make_image(arguments: argparse.Namespace) -> None:
    """Make an image of anything."""
    bases = [store.provide(rootfs.root(name)) / rootfs.TAR for name in arguments.base] + arguments.layer
    additions = [image.Addition(Path(source), target) for source, target in arguments.add]
    config = image.Config(
        entrypoint=tuple(arguments.entrypoint),
        command=tuple(arguments.cmd),
        env=dict(arguments.env),
        user=arguments.user,
        workdir=arguments.workdir,
        labels=dict(arguments.label),
    )
    image.write(arguments.output, arguments.name, bases, additions, config)


def lock(arguments: argparse.Namespace) -> None:
    """Resolve locks anew after a change of versions.toml."""
    for name in arguments.name or (*versions().components, "pyspark"):
        if name == "pyspark":
            resolve.resolve_pyspark(versions().pyspark)
            continue
        with progress.step(f"resolving {name}"):
            resolve.resolve(versions().components[name])


def on_node(arguments: argparse.Namespace) -> None:
    """Run a command on the bare cluster's node, for a look at it."""
    node.become(arguments.command)


def _pair(text: str) -> tuple[str, str]:
    first, equals, second = text.rpartition("=") if text.startswith(("/", ".")) else text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form A=B")
    return first, second


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cluster", description="A Kubernetes cluster for development and tests."
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, call: object, text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(call=call)
        return added

    one = verb("up", up, "bring it up, and print what to export")
    audit = f"write what service accounts ask for to {layout.AUDIT_LOG} (bare cluster; default: yes)"
    one.add_argument("--audit", action=argparse.BooleanOptionalAction, default=True, help=audit)
    verb("down", down, "take it away, with all that it holds")
    one = verb("build", build, "build what it is made of, and start nothing")
    one.add_argument("part", nargs="*", metavar="PART", help="parts to build, too")
    one.add_argument("--tests", action="store_true", help="the parts that tests want, too")
    one.add_argument("--if-possible", action="store_true", help="say what is missing on this machine, and succeed")
    verb("status", status, "the programs that run")
    one = verb("part", part, "install parts: operators, their types, and stores")
    one.add_argument("name", nargs="*", metavar="NAME", help=", ".join(parts.NAMES))
    one = verb("load", load, "give the cluster images from archives")
    one.add_argument("archive", nargs="+", type=Path)
    one = verb("image", make_image, "make an image without an engine")
    one.add_argument("name", help="with its tag")
    one.add_argument("-o", "--output", type=Path, required=True)
    one.add_argument("--base", action="append", default=[], choices=rootfs.ROOTS, help="a root file system made here")
    one.add_argument("--layer", action="append", default=[], type=Path, help="an uncompressed tar")
    one.add_argument("--add", action="append", default=[], type=_pair, metavar="SOURCE=TARGET")
    one.add_argument("--entrypoint", type=shlex.split, default=[])
    one.add_argument("--cmd", type=shlex.split, default=[])
    one.add_argument("--env", action="append", default=[], type=_pair, metavar="NAME=VALUE")
    one.add_argument("--label", action="append", default=[], type=_pair, metavar="NAME=VALUE")
    one.add_argument("--user", default="")
    one.add_argument("--workdir", default="/")
    one = verb("lock", lock, "resolve go.mod and go.sum anew from versions.toml")
    one.add_argument("name", nargs="*")
    one = verb("node", on_node, "run a command on the node of the bare cluster")
    one.add_argument("command", nargs=argparse.REMAINDER)
    return parser


def main() -> int:
    """The exit code: 4 where something is missing or has failed, with the sentence that says so."""
    arguments = _parser().parse_args()
    try:
        arguments.call(arguments)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here, and make cluster-down clears away", file=sys.stderr)
        return 130
    except PermissionError as error:
        print(f"error: {error}\n\nhint: the bare cluster needs root", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
