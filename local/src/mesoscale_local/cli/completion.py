"""`meso completion`: the script that makes a shell complete `meso`."""

import click

from mesoscale_local.cli import options

EXAMPLES = options.examples(
    'eval "$(meso completion bash)"',
    'eval "$(meso completion zsh)"',
    "meso completion fish > ~/.config/fish/completions/meso.fish",
)


@click.command("completion", epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    completion = get_completion_class(shell)
    assert completion is not None
    script = completion(context.find_root().command, {}, "meso", "_MESO_COMPLETE")
    # Not .source(): click would run bash to ask for its version, and print a warning where there is none.
    click.echo(script.source_template % script.source_vars())
