"""Spans of a trace, where somebody collects them; nothing at all where nobody does.

A trace goes from a request through its command into the rows of the jobs that it asked for, and on from
there when they run. A span says what kind of thing it was: never who, and no text of theirs.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

Kind = Literal["server", "internal", "consumer", "client"]


class Span(Protocol):
    """One step of a trace, while it lasts."""

    def name(self, text: str) -> None:
        """Call it otherwise, when what it is has become clear."""
        ...

    def note(self, attribute: str, value: str | int) -> None:
        """Say something about it."""
        ...

    def fail(self) -> None:
        """Say that it came to nothing. An exception that leaves it says so by itself, by its type alone."""
        ...


class Tracer(Protocol):
    """Begins spans and sends them on."""

    def span(
        self, name: str, kind: Kind, parent: str | None, attributes: dict[str, str | int]
    ) -> AbstractContextManager[Span]:
        """A span for the length of the block. parent: a `traceparent`, where it is not the one around it."""
        ...

    def traceparent(self) -> str | None:
        """The span around the caller (W3C Trace Context §3.2), to be gone on from elsewhere."""
        ...

    def flush(self) -> None:
        """Send what is there."""
        ...


class _NoSpan:
    def name(self, text: str) -> None:
        """Nothing."""

    def note(self, attribute: str, value: str | int) -> None:
        """Nothing."""

    def fail(self) -> None:
        """Nothing."""


_installed: list[Tracer] = []
_NOTHING: AbstractContextManager[Span] = nullcontext(_NoSpan())


def install(tracer: Tracer) -> None:
    """Have spans collected from now on in this process."""
    _installed.append(tracer)


def remove(tracer: Tracer) -> None:
    """Have them collected no longer."""
    _installed.remove(tracer)


def is_on() -> bool:
    """Whether anybody collects spans."""
    return bool(_installed)


def span(
    name: str, *, kind: Kind = "internal", parent: str | None = None, **attributes: str | int
) -> AbstractContextManager[Span]:
    """A span for the length of the block, or nothing."""
    return _installed[-1].span(name, kind, parent, attributes) if _installed else _NOTHING


def traceparent() -> str | None:
    """Where the trace stands, for what happens later; None where nobody collects it."""
    return _installed[-1].traceparent() if _installed else None


def flush() -> None:
    """Send what was collected by now, for whoever may be stopped the next moment."""
    for tracer in _installed:
        tracer.flush()
