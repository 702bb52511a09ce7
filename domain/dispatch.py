"""Dispatch: what every write has in common, done once.

Scope, idempotency key, transaction, change set, handler, flush, the response's bytes, commit. The key row
holds the first response and stands in the same transaction as the effect, so there is never one without
the other. What was refused left nothing, so no answer is kept of it: the same key may try again.
"""

import dataclasses
import hashlib
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain import tracing
from domain.access.viewer import Viewer
from domain.audit import Audit
from domain.claims import canonical
from domain.command import Command, Outcome
from domain.ports import Blobs, SealBroken, Sealer, Sql, SqlPool
from domain.refusals import (
    InputInvalid,
    KeyInFlight,
    KeyMissing,
    KeyReused,
    ReferenceMissing,
    Refusal,
    ScopeMissing,
    StillReferred,
)
from domain.row import new_id, utc_now
from domain.work import Work

KEY_LIFE = timedelta(days=7)
LONGEST_KEY = 255
_KEY = re.compile(rf"[!-~]{{1,{LONGEST_KEY}}}")
_DEADLOCK = "40P01"
_ATTEMPTS = 3

Render = Callable[[Outcome, Sql], Awaitable[tuple[int, bytes]]]


@dataclass(frozen=True)
class Dispatched:
    """The answer to a command: bytes when a renderer was given or an earlier answer was replayed."""

    status: int
    body: bytes | None
    outcome: Outcome | None
    replayed: bool = False


@dataclass(frozen=True)
class _Key:
    """An idempotency key of one caller, and what it was sent with.

    sealer: what seals the answer, where it holds a secret.
    """

    viewer: Viewer
    text: str
    fingerprint: str
    sealer: Sealer | None

    @property
    def name(self) -> str:
        """Whose key it is: keys of two callers never meet."""
        return f"{self.viewer.organization_id}|{self.viewer.actor}|{self.text}"

    def kept(self, body: bytes) -> bytes:
        """An answer as the database keeps it."""
        return self.sealer.seal(body, self.name.encode()) if self.sealer else body

    def answered(self, kept: bytes) -> bytes:
        """The answer that was kept. Raises KeyReused where its seal can't be opened any more."""
        try:
            return self.sealer.open(kept, self.name.encode()) if self.sealer else kept
        except SealBroken:
            raise KeyReused(
                f"the answer kept under idempotency key {self.text!r} can't be read any more; use a new key",
                path=("idempotency_key",),
            ) from None


class _DryRun(Exception):
    """Carries an outcome out of a transaction that must leave nothing."""

    def __init__(self, answer: Dispatched) -> None:
        super().__init__("dry run")
        self.answer = answer


async def dispatch(
    command: Command,
    ask: Any,
    *,
    viewer: Viewer,
    pool: SqlPool,
    door: str,
    blobs: Blobs | None = None,
    sealer: Sealer | None = None,
    idempotency_key: str | None = None,
    correlation_id: str | None = None,
    reason: str | None = None,
    render: Render | None = None,
    now: datetime | None = None,
) -> Dispatched:
    """Run one command as one transaction and one change set.

    door: 'graphql', 'rest' or 'hook', for the audit trail. render makes the response's bytes inside the
    transaction, from the rows as they will be. sealer: for the kept answers of commands that disclose a
    secret, and for secrets that handlers keep. Raises Refusal for every expected no.
    """
    admit(command, viewer, idempotency_key, door)
    key = None
    if idempotency_key is not None:
        assert sealer is not None or not command.discloses, f"{command.name} discloses; nothing seals it"
        seals = sealer if command.discloses else None
        key = _Key(viewer, idempotency_key, _fingerprint(command, ask), seals)
    if command.before is not None:
        await command.before(ask, blobs)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with tracing.span(f"command {command.name}", door=door):
                return await _run(
                    command,
                    ask,
                    viewer,
                    pool,
                    door,
                    blobs,
                    sealer,
                    key,
                    correlation_id,
                    reason,
                    render,
                    now,
                )
        except _DryRun as dry:
            return dry.answer
        except Exception as error:
            if getattr(error, "sqlstate", None) == _DEADLOCK and attempt < _ATTEMPTS:
                continue
            refusal = refusal_of(error)
            if refusal is None:
                raise
            if not isinstance(refusal, (*command.refuses,)):
                raise RuntimeError(f"{command.name} gave {type(refusal).__name__} undeclared") from error
            raise refusal from error
    raise AssertionError("the loop returns or raises")


def admit(command: Command, viewer: Viewer, idempotency_key: str | None, door: str) -> None:
    """Raise what is refused before the input is looked at: a missing scope, a missing or malformed key."""
    if not viewer.may(command.scope):
        raise ScopeMissing(f"{command.name} needs the scope {command.scope}; the token does not carry it")
    if not idempotency_key and door == "rest" and command.needs_key:
        raise KeyMissing(
            f"{command.route} makes or starts something; send an Idempotency-Key of your own, 1 to "
            f"{LONGEST_KEY} visible ASCII characters, and the same one when you repeat the request"
        )
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise InputInvalid(
            f"the idempotency key is {idempotency_key[:40]!r}, {len(idempotency_key)} characters in all; "
            f"1 to {LONGEST_KEY} visible ASCII characters will do",
            path=("idempotency_key",),
        )


async def _run(
    command: Command,
    ask: Any,
    viewer: Viewer,
    pool: SqlPool,
    door: str,
    blobs: Blobs | None,
    sealer: Sealer | None,
    key: _Key | None,
    correlation_id: str | None,
    reason: str | None,
    render: Render | None,
    now: datetime | None,
) -> Dispatched:
    async with pool.acquire() as connection, connection.transaction():
        if key is not None and (replay := await _replay(connection, key)):
            return replay
        async with _open(
            connection, viewer, command.name, door, command.audit, None, blobs, correlation_id, reason, now
        ) as work:
            work.sealer = sealer
            outcome = await command.handler(ask, work)
        outcome = dataclasses.replace(outcome, change_set_id=work.change_set_id)
        status, body = await render(outcome, connection) if render else (200, None)
        answer = Dispatched(status, body, outcome)
        if outcome.dry_run:
            raise _DryRun(
                dataclasses.replace(answer, outcome=dataclasses.replace(outcome, change_set_id=None))
            )
        if key is not None:
            await _keep(connection, key, answer, work.now)
        return answer


@asynccontextmanager
async def open_work(
    pool: SqlPool,
    viewer: Viewer,
    *,
    command: str,
    door: str = "job",
    audit: Audit = Audit.CATALOG,
    change_set_id: uuid.UUID | None = None,
    blobs: Blobs | None = None,
    correlation_id: str | None = None,
    reason: str | None = None,
    now: datetime | None = None,
) -> AsyncIterator[Work]:
    """A transaction for a job. With `change_set_id`, it is one more part of that change set.

    Commits when the block ends well and leaves nothing when it does not.
    """
    async with (
        pool.acquire() as connection,
        connection.transaction(),
        _open(
            connection, viewer, command, door, audit, change_set_id, blobs, correlation_id, reason, now
        ) as work,
    ):
        yield work


@asynccontextmanager
async def _open(
    connection: Sql,
    viewer: Viewer,
    command: str,
    door: str,
    audit: Audit,
    change_set_id: uuid.UUID | None,
    blobs: Blobs | None,
    correlation_id: str | None,
    reason: str | None,
    now: datetime | None,
) -> AsyncIterator[Work]:
    id = change_set_id or new_id()
    await connection.execute(
        "select set_config('catalograph.change_set', $1, true), "
        "set_config('catalograph.audit_class', $2, true)",
        str(id),
        audit.value,
    )
    await connection.execute(
        "insert into change_set (id, owner_id, actor, door, command, reason, correlation_id) "
        "values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing",
        id,
        viewer.organization_id,
        viewer.actor,
        door,
        command,
        reason,
        correlation_id,
    )
    work = Work(viewer, connection, id, blobs=blobs, correlation_id=correlation_id, now=now)
    yield work
    await work.flush()
    # Deferred references are judged here, where a break still is a refusal and not a failed commit.
    await connection.execute("set constraints all immediate")


async def _replay(connection: Sql, key: _Key) -> Dispatched | None:
    mine = await connection.fetchval("select pg_try_advisory_xact_lock(hashtextextended($1, 1))", key.name)
    if not mine:
        raise KeyInFlight(
            f"the first request with idempotency key {key.text!r} has not finished; try again shortly"
        )
    row = await connection.fetchrow(
        "select fingerprint, status, response from idempotency_key "
        "where owner_id = $1 and actor = $2 and key = $3 and expires_at > $4",
        key.viewer.organization_id,
        key.viewer.actor,
        key.text,
        utc_now(),
    )
    if row is None:
        return None
    if row["fingerprint"] != key.fingerprint:
        raise KeyReused(
            f"idempotency key {key.text!r} was used for another request; use a new key for a new request",
            path=("idempotency_key",),
        )
    return Dispatched(row["status"], key.answered(row["response"]), None, replayed=True)


async def _keep(connection: Sql, key: _Key, answer: Dispatched, at: datetime) -> None:
    await connection.execute(
        "insert into idempotency_key (owner_id, actor, key, fingerprint, status, response, change_set_id, "
        "expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8) "
        "on conflict (owner_id, actor, key) do update set fingerprint = excluded.fingerprint, "
        "status = excluded.status, response = excluded.response, change_set_id = excluded.change_set_id, "
        "expires_at = excluded.expires_at, created_at = clock_timestamp()",
        key.viewer.organization_id,
        key.viewer.actor,
        key.text,
        key.fingerprint,
        answer.status,
        key.kept(answer.body or b""),
        answer.outcome.change_set_id if answer.outcome else None,
        at + KEY_LIFE,
    )


def _fingerprint(command: Command, ask: Any) -> str:
    """sha256 over the command and its whole input; bytes stand in by their own hash."""

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        if isinstance(value, bytes):
            return hashlib.sha256(value).hexdigest()
        if isinstance(value, dict):
            return {str(name): plain(item) for name, item in value.items()}
        return value if isinstance(value, str | int | float | bool) or value is None else str(value)

    return hashlib.sha256(canonical([command.name, plain(ask)]).encode("utf-8", "surrogatepass")).hexdigest()


def refusal_of(error: BaseException) -> Refusal | None:
    """The refusal an error amounts to: itself, or what PostgreSQL's constraint says; None for a fault."""
    if isinstance(error, Refusal):
        return error
    state = getattr(error, "sqlstate", None) or ""
    constraint = getattr(error, "constraint_name", None) or ""
    if state == "23503" and "is not present" in (getattr(error, "detail", None) or ""):
        return ReferenceMissing(f"the input points at what is not there: {getattr(error, 'detail', '')}")
    if state == "23503":
        return StillReferred(
            f"something still refers to what was to go ({constraint}); move or delete that first"
        )
    if state in ("23514", "23502"):
        column = getattr(error, "column_name", None) or constraint.split("_", 2)[-1]
        return InputInvalid(
            f"{column} has a value that can't be kept ({constraint or 'it may not be empty'})"
        )
    if state.startswith("22"):
        return InputInvalid(f"a value has the wrong form: {error}")
    return None
