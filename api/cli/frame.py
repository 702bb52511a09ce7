"""Finds the verbs, runs one, and turns what went wrong into a sentence and an exit status.

A verb is a module beside this one with a function `register(app: typer.Typer)`. Its heavy imports belong
inside the function that needs them, so that `--help` stays quick.
"""

import importlib
import pkgutil
import sys
from collections.abc import Sequence

import structlog
import typer

import api.cli
from api.cli.output import FAULT, REFUSED, WRONG_CALL, Fault, Refused, say
from api.embedded import AlreadyRunning, EmbeddedFault
from api.logs import configure_logs
from api.settings import SettingsInvalid

_HELP = {"--help", "-h"}
_ABOUT = (
    "Catalograph, the system of record for recorded music. Without a verb: up. "
    "Whatever prints a table prints JSON with --json. "
    "Exit status: 0 done, 1 findings or refused input, 2 a wrong call, 3 a fault."
)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; gives its exit status."""
    words = _arrange(arguments)
    # Until a verb sets up its own: structlog alone would write to standard output, among the results.
    configure_logs("warning")
    try:
        _app(words[0])(words, prog_name="catalograph", standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else (FAULT if end.code else 0)
    except (Refused, AlreadyRunning) as refusal:
        say(str(refusal))
        return REFUSED
    except SettingsInvalid as fault:
        say(str(fault))
        return WRONG_CALL
    except (Fault, EmbeddedFault) as fault:
        say(str(fault))
        return FAULT
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        structlog.get_logger("api.cli").exception("the command failed", arguments=words[:1])
        say(f"{words[0]} failed: {type(error).__name__}: {error}")
        return FAULT
    return 0


def _arrange(arguments: Sequence[str]) -> list[str]:
    """Put `up` in front of bare options, and a leading `--json` last, where verbs look for it."""
    words = list(arguments)
    early = False
    while words and words[0] == "--json":
        early = True
        words.pop(0)
    if not words or (words[0].startswith("-") and words[0] not in _HELP):
        words.insert(0, "up")
    return [*words, "--json"] if early else words


def _app(verb: str) -> typer.Typer:
    app = typer.Typer(
        help=_ABOUT,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_catalograph)
    known = [module.name for module in pkgutil.iter_modules(api.cli.__path__)]
    for name in [verb] if verb in known else known:
        module = importlib.import_module(f"api.cli.{name}")
        if hasattr(module, "register"):
            module.register(app)
    return app


def _catalograph() -> None:
    """The group all verbs hang off."""
