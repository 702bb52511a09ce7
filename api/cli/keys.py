"""`keys list | rotate | prune | remove`: the keys that sign tokens."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.output import AsJson, Refused, print_rows, say

if TYPE_CHECKING:
    from pathlib import Path

    from api.keys import SigningKey

_COLUMNS = ("kid", "state", "made")


def register(app: typer.Typer) -> None:
    """Hang `keys` off the command line."""
    keys = typer.Typer(no_args_is_help=True, help="The keys that sign tokens.")
    keys.command(name="list")(listed)
    keys.command()(rotate)
    keys.command()(prune)
    keys.command()(remove)
    app.add_typer(keys, name="keys")


def listed(as_json: AsJson = False) -> None:
    """Print the keys: the one that signs, the next, and those that signed before."""
    from api.keys import ensure_keys

    _print(ensure_keys(_folder()), as_json)


def rotate(
    now: Annotated[
        bool, typer.Option("--now", help="Also when the next key was made less than 5 minutes ago.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let the next key sign and announce a new one. Running servers notice within two seconds."""
    from api.keyring import ANNOUNCED, KeyRefused
    from api.keyring import rotate as rotated

    try:
        keys = rotated(_folder(), announced=timedelta(0) if now else ANNOUNCED)
    except KeyRefused as refusal:
        raise Refused(str(refusal)) from None
    _print(keys, as_json)


def prune(as_json: AsJson = False) -> None:
    """Remove the former keys of which no token can live any more."""
    from api.keyring import prune as pruned

    removed = pruned(_folder())
    if not as_json and not removed:
        say("Every former key may still have living tokens; nothing was removed.")
        return
    print_rows(_COLUMNS, [_row(key, "removed") for key in removed], as_json=as_json)


def remove(
    kid: Annotated[str, typer.Argument(metavar="KID", help="The key, as `keys list` names it.")],
    as_json: AsJson = False,
) -> None:
    """Take one key away at once, because it leaked: every token it signed is refused from now on."""
    from api.keyring import KeyRefused
    from api.keyring import remove as removed

    try:
        gone = removed(_folder(), kid)
    except KeyRefused as refusal:
        raise Refused(str(refusal)) from None
    print_rows(_COLUMNS, [_row(gone, "removed")], as_json=as_json)


def _folder() -> "Path":
    from api.cli.client import settings_here

    return settings_here().state_folder / "keys"


def _print(keys: "list[SigningKey]", as_json: bool) -> None:
    states = ["signs", "next", *["former"] * len(keys)]
    rows = [_row(key, state) for key, state in zip(keys, states, strict=False)]
    print_rows(_COLUMNS, rows, as_json=as_json)


def _row(key: "SigningKey", state: str) -> list[str]:
    return [key.kid, state, datetime.fromtimestamp(key.made_at, UTC).isoformat(timespec="seconds")]
