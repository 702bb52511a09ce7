"""What an event does: it is read by its partner's mapping and put into the history of a release.

Where a release stands is always worked out from the whole history, by the partner's own instants; so the
order in which events come in, and how often one is settled, make no difference.
"""

import json
import uuid
from typing import Any

from domain.callbacks.mapping import Reading, Unreadable, read
from domain.work import Work

_RELEASE = {"icpn": "upc = $2", "grid": "grid = $2", "id": "id = $2::uuid"}


async def settle(work: Work, id: uuid.UUID) -> dict[str, Any]:
    """Read one kept event and let its release's record follow; gives what became of it."""
    sql = work.connection
    event = await sql.fetchrow(
        "select e.*, p.mapping from callback_event e join callback_partner p on p.id = e.partner_id "
        "where e.id = $1 and e.owner_id = $2 for update of e",
        id,
        work.viewer.organization_id,
    )
    # Its partner was deleted meanwhile, and its events with it; or its body is no longer kept.
    if event is None or not event["body"]:
        return {"state": "gone"}
    reading, error = None, None
    try:
        reading = read(json.loads(event["mapping"]), event["body"], event["sent_at"], event["received_at"])
    except Unreadable as unreadable:
        error = str(unreadable)
    if reading is None:
        state = "unreadable"
    elif event["is_test"]:
        state = "tested"
    else:
        state = "applied" if reading.meaning else "ignored"
    now_at = None
    if state == "applied" and reading is not None and reading.reference is not None:
        now_at = await _distribution(work, event, reading)
    await sql.execute(
        "update callback_event set state = $2, word = $3, meaning = $4, error = $5, occurred_at = $6, "
        "distribution_id = $7, settled_at = $8 where id = $1",
        id,
        state,
        reading.word if reading else None,
        reading.meaning if reading else None,
        error,
        reading.occurred_at if reading else None,
        now_at,
        work.now,
    )
    for distribution_id in {now_at, event["distribution_id"]} - {None}:
        await _follow(work, distribution_id)
    return {"state": state, "meaning": reading.meaning if reading else None}


async def _distribution(work: Work, event: Any, reading: Reading) -> uuid.UUID:
    """The record of the release that is named, made if there is none; nobody else moves it meanwhile."""
    release_id = await _release(work, reading)
    subject = f"release:{release_id}" if release_id else f"{reading.scheme}:{reading.reference}"
    id: uuid.UUID = await work.connection.fetchval(
        "insert into distribution (owner_id, partner_id, subject, release_id, reference_scheme, reference, "
        "state, state_at) values ($1, $2, $3, $4, $5, $6, $7, $8) "
        "on conflict (partner_id, subject) do update set subject = excluded.subject returning id",
        work.viewer.organization_id,
        event["partner_id"],
        subject,
        release_id,
        reading.scheme,
        reading.reference,
        reading.meaning,
        reading.occurred_at,
    )
    return id


async def _release(work: Work, reading: Reading) -> uuid.UUID | None:
    """The organization's own release of that name; the partner's own references name none."""
    if reading.scheme not in _RELEASE:
        return None
    found: uuid.UUID | None = await work.connection.fetchval(
        f"select id from release where owner_id = $1 and {_RELEASE[reading.scheme]} "
        "and status <> 'deleted' order by id limit 1",
        work.viewer.organization_id,
        reading.reference,
    )
    return found


async def _follow(work: Work, distribution_id: uuid.UUID) -> None:
    """Let a record say what the latest of its events says; one that none speaks of any more goes."""
    latest = await work.connection.fetchrow(
        "select meaning, occurred_at from callback_event where distribution_id = $1 "
        "order by occurred_at desc, id desc limit 1",
        distribution_id,
    )
    if latest is None:
        await work.connection.execute("delete from distribution where id = $1", distribution_id)
        return
    await work.connection.execute(
        "update distribution set state = $2, state_at = $3, updated_at = $4 "
        "where id = $1 and (state, state_at) is distinct from ($2, $3)",
        distribution_id,
        latest["meaning"],
        latest["occurred_at"],
        work.now,
    )
