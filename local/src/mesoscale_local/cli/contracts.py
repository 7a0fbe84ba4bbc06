"""`meso contracts`: the shapes of records."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mesoscale_local.cli import options

if TYPE_CHECKING:
    from mesoscale.contract.types import Contract

EXAMPLES = options.examples(
    "meso contracts",
    "meso contracts observation",
    "meso contracts observation --format ddl",
    "meso contracts apparent -f examples/nyc.yaml --format json-schema",
)
FORMATS = ("table", "ddl", "json-schema", "markdown")


@click.command("contracts", epilog=EXAMPLES)
@click.argument("name", required=False)
@click.option("-f", "--file", metavar="DOCUMENT", type=click.Path(), help="A document with contracts of its own.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="table", show_default=True, help="The form.")
@options.output("text", "json")
def command(name: str | None, file: str | None, format_: str, output: str) -> None:
    """Print the contracts that ship with Mesoscale and those of a document, or one of them."""
    from mesoscale_local import choose

    chosen = choose.contracts(file, name)
    if output == "json":
        click.echo(json.dumps([one.model_dump(mode="json", by_alias=True) for one in chosen], ensure_ascii=False))
        return
    form = _form(format_)
    click.echo("\n\n".join(form(contract) for contract in chosen))


def _form(name: str) -> "Callable[[Contract], str]":
    return {"ddl": _ddl, "json-schema": _json_schema, "markdown": _markdown, "table": _table}[name]


def _ddl(contract: "Contract") -> str:
    from mesoscale import naming
    from mesoscale.contract import ddl

    statements = ddl.create_table(contract, "public", naming.sql_name(contract.name))
    return "\n".join(f"{statement};" for statement in statements)


def _json_schema(contract: "Contract") -> str:
    from mesoscale.contract import json_schema

    return json.dumps(json_schema.schema(contract), ensure_ascii=False, indent=2)


def _markdown(contract: "Contract") -> str:
    from mesoscale.contract import documentation

    return documentation.markdown(contract)


def _table(contract: "Contract") -> str:
    from mesoscale_local import report

    rows = [
        (column.name, column.type, column.unit, "null" if column.nullable else "", column.description)
        for column in contract.columns
    ]
    heading = f"{contract.label}: {contract.description}" if contract.description else contract.label
    return "\n".join([heading, *report.columns([("COLUMN", "TYPE", "UNIT", "", ""), *rows], words=5)])
