"""Commands: each write is declared once; every door to it is printed from the declaration."""

import dataclasses
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, get_type_hints

from domain.access.scopes import Access, Scope
from domain.audit import Audit
from domain.inputs import hints_of
from domain.ports import Blobs
from domain.refusals import (
    InputInvalid,
    KeyInFlight,
    KeyMissing,
    KeyReused,
    Refusal,
    ScopeMissing,
    VersionConflict,
)
from domain.work import Work

Ask = TypeVar("Ask")


class Repeat(StrEnum):
    """What happens when the same call comes twice."""

    BY_KEY = "by_key"  # an idempotency key replays the first response
    NATURAL = "natural"  # the input names itself: doing it again changes nothing


@dataclass(frozen=True)
class Outcome:
    """What a command did: the entities it speaks of, and the change set that holds it.

    kind and ids say what the payload is read from, through the compiled path; `value` carries what is
    no entity (a job id, a diff). With `dry_run`, nothing of it stays. known: what was to be made was there
    before, and is what is spoken of.
    """

    kind: str
    ids: tuple[uuid.UUID, ...] = ()
    change_set_id: uuid.UUID | None = None
    value: Any = None
    dry_run: bool = False
    known: bool = False


# What dispatch itself may refuse, whatever the command.
ALWAYS = (ScopeMissing, InputInvalid, VersionConflict, KeyMissing, KeyReused, KeyInFlight)

Handler = Callable[[Any, Work], Awaitable[Outcome]]
# What happens before the transaction opens, such as storing bytes; it may refuse and writes no row.
Before = Callable[[Any, Blobs | None], Awaitable[None]]


@dataclass(frozen=True)
class Command:
    """One declared write.

    name: snake_case verb and noun. ask: the input, a frozen dataclass. route: 'METHOD /path' below /v1,
    with {field} for path parameters. cost: points. returns: the kind of entity in the payload, or a name
    that the doors know ('delivery', 'job', 'change_set'). value: the dataclass of `Outcome.value`, whose
    fields stand in the payload beside the entity. discloses: whether the answer holds a secret, so that
    what is kept of it for a repeated call must not be readable in the database. weigh: points beyond the
    cost, for what is asked. finds: whether what it makes may be there before (`Outcome.known`).
    """

    name: str
    summary: str
    ask: type
    handler: Handler
    scope: Scope | Access
    route: str
    cost: int
    audit: Audit
    repeat: Repeat
    returns: str
    refuses: tuple[type[Refusal], ...]
    value: type | None = None
    before: Before | None = None
    discloses: bool = False
    weigh: Callable[[Any], int] | None = None
    finds: bool = False

    def points(self, ask: Any) -> int:
        """What doing it costs, without what is read of it afterwards."""
        return self.cost + (self.weigh(ask) if self.weigh else 0)

    @property
    def method(self) -> str:
        """The HTTP method of the printed route."""
        return self.route.split(" ", 1)[0]

    @property
    def path(self) -> str:
        """The path of the printed route, below /v1."""
        return self.route.split(" ", 1)[1]

    @property
    def needs_key(self) -> bool:
        """Whether REST asks for an idempotency key: sent twice without one, it would be done twice."""
        return self.method == "POST" and self.repeat is Repeat.BY_KEY

    @property
    def hints(self) -> dict[str, Any]:
        """The input's fields with their resolved types."""
        hints = hints_of(self.ask)
        return {field.name: hints[field.name] for field in dataclasses.fields(self.ask)}


COMMANDS: dict[str, Command] = {}
# Writes whose bytes are read while they come, which only REST can do: no mutation is printed of them.
STREAMED: dict[str, Command] = {}


def register(command: Command, *, streamed: bool = False) -> Command:
    """Put a declaration into the registry; a name or a route used twice is a mistake of ours."""
    known = {**COMMANDS, **STREAMED}
    assert command.name not in known, f"command {command.name} is declared twice"
    assert all(command.route != other.route for other in known.values()), f"{command.route} is taken"
    (STREAMED if streamed else COMMANDS)[command.name] = command
    return command


def command(
    *,
    scope: Scope | Access,
    route: str,
    returns: str,
    cost: int = 10,
    audit: Audit = Audit.CATALOG,
    repeat: Repeat = Repeat.BY_KEY,
    refuses: tuple[type[Refusal], ...] = (),
    value: type | None = None,
    before: Before | None = None,
    discloses: bool = False,
    weigh: Callable[[Any], int] | None = None,
    finds: bool = False,
) -> Callable[[Callable[[Ask, Work], Awaitable[Outcome]]], Callable[[Ask, Work], Awaitable[Outcome]]]:
    """Declare a write. The handler's first parameter is annotated with its input dataclass."""

    def declare(
        handler: Callable[[Ask, Work], Awaitable[Outcome]],
    ) -> Callable[[Ask, Work], Awaitable[Outcome]]:
        ask = get_type_hints(handler)["ask"]
        name = handler.__name__
        register(
            Command(
                name=name,
                summary=(handler.__doc__ or "").strip().split("\n")[0],
                ask=ask,
                handler=handler,
                scope=scope,
                route=route,
                cost=cost,
                audit=audit,
                repeat=repeat,
                returns=returns,
                refuses=(*ALWAYS, *refuses),
                value=value,
                before=before,
                discloses=discloses,
                weigh=weigh,
                finds=finds,
            )
        )
        return handler

    return declare
