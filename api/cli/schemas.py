"""`schemas install | list | verify`: the operator's XSDs, by which deliveries are judged."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.output import REFUSED, AsJson, Refused, print_rows, say

if TYPE_CHECKING:
    from domain.deliveries.schemas import Fault, Installed, Schemas


def register(app: typer.Typer) -> None:
    """Hang `schemas` off the command line."""
    schemas = typer.Typer(no_args_is_help=True, help="The XSDs by which deliveries are judged.")
    schemas.command()(install)
    schemas.command(name="list")(listed)
    schemas.command()(verify)
    app.add_typer(schemas, name="schemas")


def install(
    source: Annotated[
        str, typer.Option("--from", help="A folder, a zip archive, an .xsd file, or an http(s) address.")
    ],
    as_json: AsJson = False,
) -> None:
    """Install every XSD of a source, keyed by namespace. Nothing is half installed."""
    from domain.deliveries.schemas import SchemaSourceRefused

    try:
        done, faults = _store().install(source)
    except SchemaSourceRefused as refusal:
        raise Refused(f"{refusal.text} ({refusal.code})") from refusal
    _print(done, as_json=as_json)
    _tell(faults)
    if not done and not faults:
        raise Refused(f"{source} holds no schema that judges a message")


def listed(as_json: AsJson = False) -> None:
    """Print which namespaces can be judged."""
    from domain.deliveries.schemas import SchemaSourceRefused

    try:
        installed = _store().installed()
    except SchemaSourceRefused as refusal:
        raise Refused(f"{refusal.text} ({refusal.code})") from refusal
    _print(installed, as_json=as_json)
    if not installed:
        say("No XSDs are installed, so reports say: schema: not checked.")
        say("They are DDEX's; with a copy of them: schemas install --from FOLDER")


def verify(as_json: AsJson = False) -> None:
    """Compare the installed files with their checksums and compile each schema."""
    from domain.deliveries.schemas import SchemaSourceRefused

    store = _store()
    try:
        faults = store.verify()
        installed = store.installed()
    except SchemaSourceRefused as refusal:
        raise Refused(f"{refusal.text} ({refusal.code})") from refusal
    if not faults:
        _print(installed, as_json=as_json)
    _tell(faults)


def _store() -> "Schemas":
    """The schemas of this installation."""
    from api.compose import schema_store
    from api.settings import load_settings

    return schema_store(load_settings().state_folder)


def _print(installed: "Sequence[Installed]", *, as_json: bool) -> None:
    columns = ("namespace", "state", "origin", "sha256")
    rows = [(one.namespace, one.state, one.origin, one.sha256) for one in installed]
    print_rows(columns, rows, as_json=as_json)


def _tell(faults: "Sequence[Fault]") -> None:
    """Say what is wrong with each schema; the exit status is then 1."""
    for fault in faults:
        say(f"{fault.name}: {fault.text} ({fault.code})")
    if faults:
        raise typer.Exit(REFUSED)
