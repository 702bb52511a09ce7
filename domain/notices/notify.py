"""Telling an organization something: a row in the caller's transaction, and a job for each channel."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.access.scopes import ROLE_SCOPES, Role
from domain.access.viewer import Viewer
from domain.job_kinds import given_up
from domain.ports import Sql
from domain.row import new_id
from domain.work import Work

JOB = "send_notice"
LONGEST_SUBJECT = 200
LONGEST_TEXT = 20_000


@dataclass(frozen=True)
class Notified:
    """The notice. known: it had been given before, and is not sent again; channels: where it goes."""

    id: uuid.UUID
    known: bool
    channels: int


async def notify(
    sql: Sql,
    organization_id: uuid.UUID,
    kind: str,
    subject: str,
    text: str,
    data: Mapping[str, Any],
    unique_key: str,
    *,
    correlation_id: str | None = None,
    only: uuid.UUID | None = None,
) -> Notified:
    """Tell an organization something once, in the transaction that is open; it is sent when that holds.

    kind: words with a dot between, as `alert.firing`, for programs to tell notices apart. data: for
    programs, and no secret. only: one channel, where not all of the organization's are meant. An
    organization without a channel finds the notice in its list and nowhere else.
    """
    id = await sql.fetchval(
        "insert into notice (owner_id, kind, subject, text, data, unique_key) "
        "values ($1, $2, $3, $4, $5::jsonb, $6) on conflict (owner_id, unique_key) do nothing returning id",
        organization_id,
        kind,
        one_line(subject),
        text.replace("\0", "")[:LONGEST_TEXT],
        json.dumps(dict(data)),
        unique_key,
    )
    if id is None:
        row = await sql.fetchrow(
            "select id, channels from notice where owner_id = $1 and unique_key = $2",
            organization_id,
            unique_key,
        )
        return Notified(row["id"], True, row["channels"])
    made = await sql.fetch(_ADDRESS, organization_id, id, only)
    tier = await sql.fetchval("select tier from organization where id = $1", organization_id)
    viewer = Viewer(organization_id, "notice", Role.SERVICE, ROLE_SCOPES[Role.SERVICE], tier)
    work = Work(viewer, sql, new_id(), correlation_id=correlation_id)
    for row in made:
        delivery_id = str(row["id"])
        await work.enqueue(JOB, {"delivery_id": delivery_id}, subject_id=row["id"], unique_key=delivery_id)
    return Notified(id, False, len(made))


_ADDRESS = """
with made as (
  insert into notice_delivery (owner_id, notice_id, channel_id, kind)
  select owner_id, $2, id, kind from notice_channel
   where owner_id = $1 and ($3::uuid is null and disabled_at is null or id = $3) order by id
  returning id
), counted as (
  update notice set channels = (select count(*) from made) where id = $2
)
select id from made
"""


def one_line(text: str) -> str:
    """A subject: blanks and line ends become one blank, control characters go, and it is not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1] + "…"


@given_up(JOB)
async def abandon(delivery_id: uuid.UUID, sql: Sql) -> None:
    """Nobody sends it any more by himself: the delivery says so, and keeps what was said last."""
    await sql.execute(
        "update notice_delivery set state = 'failed', error = coalesce(error, 'its job was given up') "
        "where id = $1 and state = 'waiting'",
        delivery_id,
    )
