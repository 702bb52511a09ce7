"""Retention at work: notices first, then class by class what is due, in batches.

Each batch is one transaction that deletes only what is due at that moment. So it may be killed anywhere, and
run twice or twice at once: what one run did, the next one no longer finds.
"""

import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from domain.files.ask import ticket_of
from domain.notices.notify import notify
from domain.ports import Blobs, Sql
from domain.retention import due
from domain.retention.blobs import GRACE, sweep
from domain.retention.partitions import drop_one
from domain.retention.purge import TOMBSTONES, owners, purge
from domain.retention.rules import NOTICE, RULES, Rule

BATCH = 500
NOTICED = "retention.notice"
DELETED = "retention.deleted"

Step = Callable[[], AbstractAsyncContextManager[Sql]]
Progress = Callable[[int, int | None, str | None], Awaitable[None]]


@dataclass
class Done:
    """What a run did: for each class how many were told of, how many went, and how large they were."""

    told: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    gone: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    gone_bytes: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def result(self) -> dict[str, Any]:
        """As the job's row keeps it."""
        return {
            "state": f"{sum(self.gone.values())} gone, {sum(self.told.values())} told of",
            "told": dict(self.told),
            "gone": dict(self.gone),
            "gone_bytes": dict(self.gone_bytes),
        }


async def run(
    step: Step,
    now: datetime,
    *,
    store: Blobs | None = None,
    progress: Progress | None = None,
    batch: int = BATCH,
) -> Done:
    """Give the notices that are due and delete what is due.

    step: opens a transaction in which the runner is known to be the one who runs. progress: told between
    batches, and where a cancellation is raised. store: where blobs that no row needs are looked for.
    """
    done = Done()

    async def say(text: str) -> None:
        if progress is not None:
            await progress(sum(done.gone.values()) + sum(done.told.values()), None, text)

    for rule in (*RULES.values(), *TOMBSTONES.values()):
        if rule.notice:
            while await _tell(step, rule, now, batch, done) >= batch:
                await say(f"telling of {rule.name}")
    for rule in RULES.values():
        await say(f"deleting {rule.name}")
        while await _delete(step, rule, now, batch, done) >= batch:
            await say(f"deleting {rule.name}")
    for kind in TOMBSTONES:
        await say(f"purging deleted {kind}s")
        await _purge(step, kind, now, batch, done)
    await _drop(step, now, done)
    if store is not None:
        async with step() as sql:
            rows = await sql.fetch("select id from file where state = 'uploading'")
        awaited = {ticket_of(row["id"]) for row in rows}
        count, size = await store.forget_uploads(now - GRACE, awaited)
        done.gone["uploads"] += count
        done.gone_bytes["uploads"] += size
        async for blob in sweep(step, store, now):
            done.gone["orphan_blobs"] += 1
            done.gone_bytes["orphan_blobs"] += blob.size_bytes
            await say("deleting blobs that nothing needs")
    return done


async def _tell(step: Step, rule: Rule, now: datetime, batch: int, done: Done) -> int:
    async with step() as sql:
        await lock(sql)
        # Whoever is told now of what is due in seven days loses it then, and not a day later.
        rows = await sql.fetch(due.tell(rule), now, now + NOTICE, batch)
        for row in rows:
            said = {"rule": rule.name, "count": row["count"], "goes_at": row["goes_at"].isoformat()}
            await _event(sql, NOTICED, row["owner_id"], said)
            # An organization reads one letter of a run, however many batches tell of.
            key = f"{NOTICED}:{rule.name}:{now.isoformat()}"
            named = {name: said[name] for name in ("rule", "goes_at")}
            await notify(sql, row["owner_id"], NOTICED, *_letter(rule, row), named, key)
    count: int = sum(row["count"] for row in rows)
    done.told[rule.name] += count
    return count


async def _delete(step: Step, rule: Rule, now: datetime, batch: int, done: Done) -> int:
    async with step() as sql:
        await lock(sql)
        rows = await sql.fetch(due.delete(rule), now, batch)
        for row in rows:
            if rule.notice:
                await _event(
                    sql,
                    DELETED,
                    row["owner_id"],
                    {"rule": rule.name, "count": row["count"], "size_bytes": row["size_bytes"]},
                )
    count: int = sum(row["count"] for row in rows)
    done.gone[rule.name] += count
    done.gone_bytes[rule.name] += sum(row["size_bytes"] for row in rows)
    return count


def _letter(rule: Rule, row: Any) -> tuple[str, str]:
    """The subject and the text of a notice."""
    day = f"{row['goes_at']:%Y-%m-%d}"
    return (
        f"Things will be deleted from {day} on: {rule.about}",
        f"{rule.about[:1].upper()}{rule.about[1:]}: some of your organization have reached the "
        f"time for which they are kept, and are deleted from {row['goes_at']:%Y-%m-%d %H:%M} UTC on.\n\n"
        "Fetch what you need before. `retention plan` lists them. An enterprise may extend their time; a "
        "legal hold keeps what it names.\n",
    )


async def _purge(step: Step, kind: str, now: datetime, batch: int, done: Done) -> None:
    async with step() as sql:
        whose = await owners(sql, kind, now)
    for owner_id in whose:
        last: uuid.UUID | None = uuid.UUID(int=0)
        while last is not None:
            async with step() as sql:
                await lock(sql)
                last, count = await purge(sql, kind, owner_id, now, last, batch)
                if count:
                    said = {"rule": TOMBSTONES[kind].name, "kind": kind, "count": count}
                    await _event(sql, DELETED, owner_id, said)
            done.gone[TOMBSTONES[kind].name] += count


async def _drop(step: Step, now: datetime, done: Done) -> None:
    """Drop leaves of the log, each in a transaction of its own, so that writers wait for one at most."""
    while True:
        async with step() as sql:
            dropped = await drop_one(sql, now)
        if dropped is None:
            return
        done.gone["changes"] += dropped[1]


async def lock(sql: Sql) -> None:
    """Inside a batch's transaction: no hold, extension or policy is placed until it ends.

    Whoever waited for one sees it, because the next statement takes its snapshot afterwards.
    """
    await sql.execute(f"select pg_advisory_xact_lock_shared({due.LOCK})")


async def _event(sql: Sql, topic: str, owner_id: uuid.UUID, payload: dict[str, Any]) -> None:
    said = orjson.dumps({"organization_id": str(owner_id), **payload}).decode()
    await sql.execute(
        "insert into outbox (topic, key, payload) values ($1, $2, $3::jsonb)", topic, str(owner_id), said
    )
