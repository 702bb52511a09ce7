"""`schemas install | list | verify`: the operator's XSDs, by which deliveries are judged."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api.compose import schema_store
from api.settings import Settings
from domain.deliveries.schemas import Fault, Installed, Schemas, SchemaSourceRefused

app = typer.Typer(no_args_is_help=True, help="The XSDs by which deliveries are judged.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

FINDINGS = 1


def register(parent: typer.Typer) -> None:
    """Hang `schemas` off the command line."""
    parent.add_typer(app, name="schemas")


def store() -> Schemas:
    """The schemas of this installation."""
    return schema_store(Path(Settings().state_folder))


@app.command()
def install(
    source: Annotated[
        str, typer.Option("--from", help="A folder, a zip archive, an .xsd file, or an http(s) address.")
    ],
    as_json: AsJson = False,
) -> None:
    """Install every XSD of a source, keyed by namespace. Nothing is half installed."""
    try:
        done, faults = store().install(source)
    except SchemaSourceRefused as refusal:
        raise _refused(refusal) from refusal
    _print(done, faults, as_json=as_json)
    if faults or not done:
        raise typer.Exit(FINDINGS)


@app.command(name="list")
def listed(as_json: AsJson = False) -> None:
    """Print which namespaces can be judged."""
    try:
        installed = store().installed()
    except SchemaSourceRefused as refusal:
        raise _refused(refusal) from refusal
    if not installed and not as_json:
        Console(stderr=True).print(
            "no XSDs are installed, so reports say: schema: not checked. "
            "Get them from DDEX, then: schemas install --from FOLDER"
        )
    _print(installed, (), as_json=as_json)


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Compare the installed files with their checksums and compile each schema."""
    try:
        faults = store().verify()
        installed = store().installed()
    except SchemaSourceRefused as refusal:
        raise _refused(refusal) from refusal
    _print(() if faults else installed, faults, as_json=as_json)
    if faults:
        raise typer.Exit(FINDINGS)


def _refused(refusal: SchemaSourceRefused) -> typer.Exit:
    Console(stderr=True).print(f"{refusal.code}: {refusal.text}", markup=False)
    return typer.Exit(FINDINGS)


def _print(installed: tuple[Installed, ...], faults: tuple[Fault, ...], *, as_json: bool) -> None:
    """The same as a table or as JSON on standard output; faults also stand there."""
    if as_json:
        answer: dict[str, Any] = {
            "schemas": [asdict(one) for one in installed],
            "faults": [asdict(fault) for fault in faults],
        }
        typer.echo(json.dumps(answer, indent=1))
        return
    if installed:
        table = Table("namespace", "state", "from", "sha256")
        for one in installed:
            table.add_row(one.namespace, one.state, one.origin, one.sha256[:16])
        Console().print(table)
    for fault in faults:
        Console(stderr=True).print(f"{fault.code}: {fault.name}: {fault.text}", markup=False)
