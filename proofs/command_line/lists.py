"""The commands `rules` and `properties`: what there is, shipped and in files."""

import click

from tokenauction.proofs.command_line import claim_options
from tokenauction.proofs.command_line.console import (
    check_files,
    fail,
    write,
)
from tokenauction.proofs.command_line.display import table
from tokenauction.proofs.command_line.parameter_types import FileType
from tokenauction.proofs.command_line.report_options import (
    Decorator,
    text_or_json,
    to_file,
    together,
)
from tokenauction.proofs.processes import supervisor
from tokenauction.proofs.processes.messages import Listing, Row
from tokenauction.proofs.results import report


def _files_and_report(help_text: str) -> Decorator:
    """The files that are listed too, and how; `help_text` is of `--format`."""
    return together(
        click.argument("files", metavar="[FILE.py]...", nargs=-1, type=FileType()),
        click.option(
            "--budget",
            type=claim_options.Seconds(0.5, 86400),
            default=60.0,
            show_default=True,
            help="Seconds to load a file.",
        ),
        text_or_json(help_text),
        to_file,
    )


@click.command(
    epilog="""\b
Examples:
  tokenauction rules
  tokenauction rules my_rules.py
  tokenauction rules --format json --output rules.json
"""
)
@_files_and_report("Tables, or a report of the schema tokenauction.rules/1.")
def rules(files: tuple[str, ...], budget: float, style: str, output: str | None) -> None:
    """List the shipped aggregation rules, payment rules and mechanisms, and those of files."""
    check_files(output)
    from tokenauction.proofs.loading import listing

    shipped, own = listing.shipped_rules(), _listed("rules", files, budget)
    if style == "json":
        found = {"schema": listing.RULES_SCHEMA, "versions": report.versions()}
        write(report.to_json({**found, "rules": [*shipped, *own]}), output)
        return
    tables = [
        (heading, [_cells(row, "target") for row in shipped if row["kind"] == kind])
        for kind, heading in listing.HEADINGS.items()
    ]
    if own:
        tables.append(("in the files", [_cells(row, "label") for row in own]))
    plain = output is not None
    shown = (table([kind, "support", "what it does"], rows, plain) for kind, rows in tables)
    write("\n".join(shown), output)


@click.command(
    epilog="""\b
Examples:
  tokenauction properties
  tokenauction properties my_orders.py
  tokenauction properties --format json --output properties.json
"""
)
@_files_and_report("A table, or a report of the schema tokenauction.properties/1.")
def properties(files: tuple[str, ...], budget: float, style: str, output: str | None) -> None:
    """List the properties that can be decided, and those of files."""
    check_files(output)
    from tokenauction.proofs.loading import listing

    rows = [*listing.shipped_properties(), *_listed("properties", files, budget)]
    if style == "json":
        found = {"schema": listing.PROPERTIES_SCHEMA, "versions": report.versions()}
        write(report.to_json({**found, "properties": rows}), output)
        return
    cells = [_cells(row, "name") for row in rows]
    write(table(["property", "support", "what it says"], cells, plain=output is not None), output)


def _cells(row: Row, name: str) -> list[str]:
    return [row[name], row["support"], row["summary"]]


def _listed(do: Listing, files: tuple[str, ...], budget: float) -> list[Row]:
    if not files:
        return []
    try:
        return supervisor.list_rows(do, list(files), budget)
    except supervisor.Failed as problem:
        fail(str(problem))
