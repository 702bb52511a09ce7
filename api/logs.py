"""Structured logs on standard error: for people on a terminal, JSON lines otherwise. Secrets never pass."""

import io
import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO, cast

import orjson
import structlog

from domain.ports import OutsideAway

_SECRET_NAME = re.compile(
    r"(password|passwd|secret|token|authorization|cookie|api_?key|private_?key|credential)", re.IGNORECASE
)
_SECRET_TEXT = re.compile(
    r"(?P<url>(?<=://)[^/@\s:]*:[^@\s/]+(?=@))"
    r"|(?P<jwt>eyJ[\w-]{8,}\.[\w-]+\.[\w-]+)"
    r"|(?P<bearer>(?<=[Bb]earer )\S+)"
)
HIDDEN = "[hidden]"
_HARMLESS = (bool, int, float)
_LOUD = ("alembic", "asyncio", "arq", "uvicorn.error")


class _StandardError(io.TextIOBase):
    """Whatever standard error is when a line is written; it may have been put elsewhere since the start."""

    def write(self, text: str, /) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


_stderr = _StandardError()


def configure_logs(level: str = "info", format: str = "auto") -> None:
    """Set up structlog and the standard library's logging alike; once for each process."""
    human = format == "console" or (format == "auto" and sys.stderr.isatty())
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    ending: list[structlog.typing.Processor] = (
        [hide_secrets, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if human
        else [structlog.processors.format_exc_info, hide_secrets, _as_json]
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    _requests.print = None if human else _stderr.write
    _requests.wanted = number <= logging.INFO
    structlog.configure(
        processors=[*before, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=cast(TextIO, _stderr)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(_stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
    for name in _LOUD:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


class _Requests:
    """How the line of a request is printed. print: None where the processors are to make it."""

    print: Callable[[str], object] | None = None
    wanted: bool = True


_requests = _Requests()
_access = structlog.get_logger("api.access")


def tell_fault(log: Any, error: BaseException, **about: Any) -> None:
    """What went wrong with a request: where in the code, or which dependency is away and why.

    While one is away every request says so: a page of code for each would bury the reason, and slow down what
    still works.
    """
    if isinstance(error, OutsideAway):
        log.error("fault", **about, away=error.name, reason=error.reason)
    else:
        log.error("fault", **about, exc_info=error)


def tell_request(**about: Any) -> None:
    """The line of one answered request, as `info("request", …)` has it.

    One is written for every request. Where lines are JSON it is made without the processors, a fifth of
    the work.
    """
    if not _requests.wanted:
        return
    about = {key: value for key, value in about.items() if value is not None}
    if _requests.print is None:
        _access.info("request", **about)
        return
    event = {key: _hide(key, value) for key, value in about.items()}
    event["event"], event["level"] = "request", "info"
    event["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    _requests.print(orjson.dumps(event).decode() + "\n")
    _stderr.flush()


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: values of secret-sounding keys, and passwords and tokens inside texts, go."""
    for key, value in event.items():
        event[key] = _hide(key, value)
    return event


def _hide(key: str, value: Any) -> Any:
    if value is None or isinstance(value, _HARMLESS):
        return value
    if _sounds_secret(key):
        return HIDDEN
    if isinstance(value, str):
        # A secret in a text follows one of these; looking for them is ten times as quick as the pattern.
        if "://" in value or "eyJ" in value or "earer " in value:
            return _SECRET_TEXT.sub(_masked, value)
        return value
    if isinstance(value, Mapping):
        return {inner: _hide(str(inner), held) for inner, held in value.items()}
    if isinstance(value, list | tuple):
        return [_hide("", held) for held in value]
    return value


@lru_cache(maxsize=1024)
def _sounds_secret(key: str) -> bool:
    return _SECRET_NAME.search(key) is not None


def _masked(found: "re.Match[str]") -> str:
    return f"{found.group().partition(':')[0]}:{HIDDEN}" if found.group("url") else HIDDEN


def _as_json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(dict(event), default=str, option=orjson.OPT_NON_STR_KEYS).decode()
