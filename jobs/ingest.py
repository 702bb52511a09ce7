"""Ingest a delivery: read its bytes, judge them, apply what was said release by release."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from domain.deliveries import record
from domain.deliveries.apply import Applied, Statement, apply_release, noted, purge_release, total
from domain.deliveries.check import Report, check
from domain.deliveries.findings import Finding
from domain.deliveries.mapping import drafts, purged_keys
from domain.deliveries.message import Message
from domain.dispatch import refusal_of
from domain.refusals import Refusal
from domain.row import new_id
from domain.work import Work
from jobs.job import Tools, job

T = TypeVar("T")
_COLLISIONS = ("40P01", "40001")
_ATTEMPTS = 4


@job(timeout_s=900, tries=3, backoff_s=(5, 30), places=4)
async def ingest_delivery(delivery_id: UUID, tools: Tools) -> dict[str, Any] | None:
    """Check one delivered message and apply it; its findings and its fate stand in the delivery.

    Each release is applied in a transaction of its own, all of them in one change set. A run that was cut
    off left the releases it had finished, and the next run goes on behind them.
    """
    async with tools.pool.acquire() as connection:
        delivery = await record.begin(connection, delivery_id, tools.claim.id, tools.claim.fence)
    if delivery is None:
        return None
    await tools.progress(0, None, "checking")
    raw = await tools.blobs.read(delivery.sha256)
    report = await asyncio.to_thread(check, raw, tools.reader)
    message = report.message
    summary: dict[str, Any] = report.summary()
    async with tools.step() as connection:
        await record.judged(connection, delivery, report)
        if message is not None and await record.same_message_id(connection, delivery, message):
            await record.add_findings(connection, delivery_id, [_message_id_reused(message)])
    tools.checkpoint()
    if delivery.purpose == "validate":
        return await _close(tools, delivery, "checked", summary)
    if not report.accepted or message is None:
        return await _close(tools, delivery, "refused", summary)
    if message.header.test:
        return await _close(tools, delivery, "checked", summary | {"test": True})
    return await _apply(tools, delivery, report, message, summary)


async def _apply(
    tools: Tools, delivery: record.Open, report: Report, message: Message, summary: dict[str, Any]
) -> dict[str, Any]:
    statement = Statement(
        sender=record.sender_of(message),
        delivery_id=delivery.id,
        created_at=record.created_at(message, delivery),
        payload_key=delivery.sha256,
    )
    steps = await _steps(message, statement)
    done = noted(delivery.summary)
    refused: dict[str, str] = {}
    change_set_id = delivery.change_set_id or new_id()
    await tools.progress(len(done), len(steps), "applying")
    closed = False
    for key, step in steps.items():
        if key in done:
            continue
        last = len(done) + len(refused) + 1 == len(steps)
        piece = _Piece(delivery, change_set_id, key, step, done, refused, summary, last)
        try:
            done[key] = await _persistently(partial(_one, tools, piece))
            closed = last
        except Refusal as refusal:
            refused[key] = refusal.text
            async with tools.step() as connection:
                await record.add_findings(connection, delivery.id, [_not_kept(key, refusal)])
        await tools.progress(len(done) + len(refused), len(steps), "applying")
    if closed:
        return _result(delivery, _state(done))
    return await _close(tools, delivery, _state(done), _told(summary, done, refused))


async def _steps(
    message: Message, statement: Statement
) -> dict[str, Callable[[Work], Awaitable[Applied | None]]]:
    """What is to be done, one transaction each, by the key of the release."""
    if message.kind == "purge_release":
        keys = purged_keys(message)
        if not keys:
            return {}
        return {keys[0]: partial(purge_release, statement=statement, release_keys=keys)}
    return {
        release.key: partial(apply_release, statement=statement, release=release)
        for release in await asyncio.to_thread(drafts, message)
    }


@dataclass(frozen=True)
class _Piece:
    """One release of a delivery, and what is known of the others. last: the delivery ends with it."""

    delivery: record.Open
    change_set_id: UUID
    key: str
    step: Callable[[Work], Awaitable[Applied | None]]
    done: dict[str, Applied]
    refused: dict[str, str]
    summary: dict[str, Any]
    last: bool


async def _one(tools: Tools, piece: _Piece) -> Applied:
    """One release, and the note that it is done, in one transaction. Raises Refusal."""
    id = piece.delivery.id
    try:
        async with tools.open_work("ingest_delivery", change_set_id=piece.change_set_id) as work:
            await tools.hold(work)
            applied = await piece.step(work)
            if applied is None:
                raise _PurgeNotAllowed(
                    f"release {piece.key} was delivered by another sender, or its deals in force are "
                    "another's; only who delivered it and holds its deals can purge it"
                )
            if applied.unknown:
                await record.add_findings(work.connection, id, [_nothing_to_purge(piece.key)])
            done = piece.done | {piece.key: applied}
            summary = _told(piece.summary, done, piece.refused)
            state = _state(done) if piece.last else None
            await record.keep_summary(work.connection, id, summary, piece.change_set_id, state)
        return applied
    except Exception as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


class _PurgeNotAllowed(Refusal):
    """A release may only be purged by the sender whose deals are active."""

    code = "purge_not_allowed"


async def _persistently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try a transaction again when PostgreSQL broke a tie between it and another one."""
    for number in range(1, _ATTEMPTS + 1):
        try:
            return await attempt()
        except Exception as error:
            if getattr(error, "sqlstate", None) not in _COLLISIONS or number == _ATTEMPTS:
                raise
    raise AssertionError("the loop returns or raises")


def _state(done: dict[str, Applied]) -> str:
    """Refused when no release was accepted, superseded when newer messages had overtaken all of them."""
    if not done:
        return "refused"
    return "superseded" if all(applied.superseded for applied in done.values()) else "applied"


def _told(summary: dict[str, Any], done: dict[str, Applied], refused: dict[str, str]) -> dict[str, Any]:
    counts = total(applied.counts for applied in done.values())
    return summary | {"applied": _noted(done), "refused": refused, "counts": counts}


def _noted(done: dict[str, Applied]) -> dict[str, Any]:
    return {
        key: {"superseded": applied.superseded, "unknown": applied.unknown, "counts": applied.counts}
        for key, applied in done.items()
    }


async def _close(tools: Tools, delivery: record.Open, state: str, summary: dict[str, Any]) -> dict[str, Any]:
    async with tools.step() as connection:
        await record.close(connection, delivery.id, state, summary)
    return _result(delivery, state)


def _result(delivery: record.Open, state: str) -> dict[str, Any]:
    return {"delivery_id": str(delivery.id), "state": state}


def _message_id_reused(message: Message) -> Finding:
    return Finding(
        code="message_id_reused",
        rule="a sender uses a MessageId once",
        severity="warning",
        text=f"MessageId {message.header.message_id!r} came before, in another message of this sender",
        fix="give each message an id of its own",
    )


def _nothing_to_purge(key: str) -> Finding:
    return Finding(
        code="purge_of_unknown_release",
        rule="a purge names a release that was delivered",
        severity="warning",
        text=f"nobody has delivered a release {key}, so there was nothing to purge",
    )


def _not_kept(key: str, refusal: Refusal) -> Finding:
    return Finding(
        code=refusal.code,
        rule="what a release says can be kept",
        severity="fatal",
        text=f"release {key}: {refusal.text}",
    )
