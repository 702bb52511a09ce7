"""The row of a delivery while it is worked on: begun, judged, applied piece by piece, closed."""

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from domain.codes import DPID
from domain.deliveries.check import Report
from domain.deliveries.findings import Finding
from domain.deliveries.message import Message
from domain.ports import Sql

_LONGEST_TEXT = 2_000


@dataclass(frozen=True)
class Open:
    """A delivery that is being worked on."""

    id: uuid.UUID
    owner_id: uuid.UUID
    purpose: str
    sha256: str
    change_set_id: uuid.UUID | None
    summary: Mapping[str, Any]
    received_at: datetime
    has_findings: bool


async def begin(sql: Sql, id: uuid.UUID, job_id: uuid.UUID, fence: int) -> Open | None:
    """Open a delivery for checking; None when it is settled, so that a job run twice does nothing.

    Only for whoever holds the job by this fencing token.
    """
    row = await sql.fetchrow(
        "with held as (select from job where id = $2 and fence = $3 and state = 'running' for share) "
        "update delivery d set state = 'checking' "
        "where id = $1 and state not in ('applied', 'superseded') and exists (select from held) "
        "returning id, owner_id, purpose, sha256, change_set_id, summary, received_at, "
        "exists (select from finding f where f.delivery_id = d.id) as has_findings",
        id,
        job_id,
        fence,
    )
    if row is None:
        return None
    return Open(
        row["id"],
        row["owner_id"],
        row["purpose"],
        row["sha256"],
        row["change_set_id"],
        json.loads(row["summary"]) if row["summary"] else {},
        row["received_at"],
        row["has_findings"],
    )


async def judged(sql: Sql, delivery: Open, report: Report) -> None:
    """Keep what the check made of the delivery: what it is, and every finding with its line and path."""
    message = report.message
    header = message.header if message else None
    await sql.execute(
        "update delivery set format = $2, namespace = $3, schema_checked = $4, sender_dpid = $5, "
        "recipient_dpid = $6, message_id = $7, message_thread_id = $8, message_created_at = $9, "
        "releases = $10 where id = $1",
        delivery.id,
        f"ERN {report.version}" if report.version else None,
        _plain(report.namespace),
        report.schema_checked,
        sender_of(message) if message else None,
        _plain(header.recipients[0][0]) if header and header.recipients else None,
        _plain(header.message_id) if header else None,
        _plain(header.thread_id) if header else None,
        created_at(message, delivery) if message else None,
        sum(release.role != "track" for release in message.releases) if message else 0,
    )
    if delivery.has_findings:
        await sql.execute("delete from finding where delivery_id = $1", delivery.id)
    await add_findings(sql, delivery.id, report.findings)


async def add_findings(sql: Sql, id: uuid.UUID, findings: Iterable[Finding]) -> None:
    """Keep further findings, after those that are there."""
    rows = [{name: _plain(value) for name, value in asdict(finding).items()} for finding in findings]
    if rows:
        await sql.execute(
            """
            insert into finding (delivery_id, position, code, rule, severity, line, path, text, fix)
            select $1, x.place + (select coalesce(max(position), 0) from finding where delivery_id = $1),
                   r.code, r.rule, r.severity, r.line, r.path, r.text, r.fix
              from jsonb_array_elements($2::jsonb) with ordinality as x (item, place),
                   jsonb_to_record(x.item) as r
                     (code text, rule text, severity text, line int, path text, text text, fix text)
            """,
            id,
            json.dumps(rows),
        )


async def same_message_id(sql: Sql, delivery: Open, message: Message) -> uuid.UUID | None:
    """Another delivery of the sender with the same MessageId and other bytes, if there is one."""
    found: uuid.UUID | None = await sql.fetchval(
        "select id from delivery where owner_id = $1 and sender_dpid = $2 and message_id = $3 "
        "and sha256 <> $4 and purpose = 'apply' order by id limit 1",
        delivery.owner_id,
        sender_of(message),
        _plain(message.header.message_id),
        delivery.sha256,
    )
    return found


async def keep_summary(
    sql: Sql, id: uuid.UUID, summary: Mapping[str, Any], change_set_id: uuid.UUID, state: str | None
) -> None:
    """How far it is, in the same transaction as the step that went that far; with `state` it ends there."""
    await sql.execute(
        "update delivery set summary = $2::jsonb, change_set_id = $3, state = coalesce($4, state), "
        "finished_at = case when $4::text is not null then clock_timestamp() end where id = $1",
        id,
        json.dumps(summary),
        change_set_id,
        state,
    )


async def close(sql: Sql, id: uuid.UUID, state: str, summary: Mapping[str, Any]) -> None:
    """The delivery has come to its end."""
    await sql.execute(
        "update delivery set state = $2, summary = $3::jsonb, finished_at = clock_timestamp() where id = $1",
        id,
        state,
        json.dumps(summary),
    )


def sender_of(message: Message) -> str:
    """The sender by DPID in its normal form, or by whatever name the message gives."""
    given = message.header.sender
    return DPID.normal(given) if DPID.has_form(given) else str(_plain(given))


def created_at(message: Message, delivery: Open) -> datetime:
    """When the message was made; one without a zone is read as UTC, one without an instant as it arrived."""
    created = message.header.created or delivery.received_at
    return created if created.tzinfo else created.replace(tzinfo=UTC)


def _plain(value: Any) -> Any:
    """Text as PostgreSQL can keep it."""
    if not isinstance(value, str):
        return value
    return value.replace("\x00", "").encode("utf-8", "replace").decode()[:_LONGEST_TEXT]
