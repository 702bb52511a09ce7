"""What a kind of job says of itself where it is asked for, for whoever cancels it or begins it anew.

How it runs is the worker's to say (`jobs.job`).
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, get_type_hints

import structlog

from domain.access.scopes import Scope
from domain.ports import Sql

Leave = Callable[..., Awaitable[None]]

_SCOPES: dict[str, Scope] = {}
_LEAVES: dict[str, Leave] = {}

log = structlog.get_logger(__name__)


def reserved(kind: str, scope: Scope) -> str:
    """The kind, of which jobs are cancelled and begun anew only by those who may ask for one.

    scope: what asking for one needs. Jobs of a schedule need not say so: they are the operator's.
    """
    _SCOPES[kind] = scope
    return kind


def scope_of(kind: str, *, by_clock: bool) -> Scope:
    """What cancelling a job of the kind and beginning it anew needs. by_clock: whether it has a schedule."""
    return _SCOPES.get(kind, Scope.SYSTEM_ADMIN if by_clock else Scope.JOBS_WRITE)


def given_up(kind: str) -> Callable[[Leave], Leave]:
    """Declare what says at the subject of a job that nobody will try again by himself.

    It is called when the job is dead, refused or cancelled, with the payload's fields that it names (ids as
    uuid.UUID) and `sql`, the transaction in which the job ends, so that there is never one without the other.
    """

    def declare(leave: Leave) -> Leave:
        assert kind not in _LEAVES, f"job {kind} leaves word in two ways"
        _LEAVES[kind] = leave
        return leave

    return declare


async def leave_word(sql: Sql, kind: str, payload: Mapping[str, Any]) -> None:
    """Say at the job's subject that it was given up, in the transaction that ends it.

    Whoever is killed in it leaves the job as it was, for another to end. A fault of the word itself must not
    keep the job from ending.
    """
    if (leave := _LEAVES.get(kind)) is None:
        return
    try:
        async with sql.transaction():
            await leave(sql=sql, **values_of(get_type_hints(leave), payload))
    except Exception:
        log.exception("no word was left where the job belongs")


def values_of(parameters: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a payload that are parameters, by their types; ids are read where ids are taken."""
    return {
        name: uuid.UUID(payload[name]) if kind is uuid.UUID else payload[name]
        for name, kind in parameters.items()
        if name in payload
    }
