"""Sending a notice to one channel. What was sent is not sent again; both sides know a copy by its id."""

import json
import uuid
from datetime import datetime
from typing import Any

from domain.callbacks.signature import sign
from domain.notices.outlets import Mail, NeverSent, Outlets
from domain.ports import SealBroken, Sql

LONGEST_ERROR = 500


class NoOutlet(Exception):
    """The installation has no way to send to such a channel; the text says which setting is missing."""


async def find(sql: Sql, delivery_id: uuid.UUID, owner_id: uuid.UUID) -> Any:
    """What is to be sent and where; None when it was sent, or its notice or channel is gone."""
    return await sql.fetchrow(
        "select d.id, d.created_at, n.id as notice_id, n.kind, n.subject, n.text, n.data, "
        "n.created_at as at, c.id as channel_id, c.kind as channel, c.address, c.secret_sealed "
        "from notice_delivery d join notice n on n.id = d.notice_id "
        "join notice_channel c on c.id = d.channel_id "
        "where d.id = $1 and d.owner_id = $2 and d.state <> 'sent'",
        delivery_id,
        owner_id,
    )


async def send(row: Any, outlets: Outlets, now: datetime) -> None:
    """Send it. Raises NotSent, NeverSent, NoOutlet."""
    if row["channel"] == "email":
        if outlets.mailer is None:
            raise NoOutlet("no mail server is set (CATALOGRAPH_SMTP_HOST)")
        await outlets.mailer.send(Mail(str(row["id"]), row["address"], row["subject"], row["text"]))
        return
    if outlets.poster is None or outlets.sealer is None:
        raise NoOutlet("this process was composed without what posts webhooks")
    try:
        secret = outlets.sealer.open(row["secret_sealed"], sealed_for(row["channel_id"])).decode()
    except SealBroken:
        raise NeverSent("the channel's secret can't be opened any more; make the channel anew") from None
    body, at = body_of(row), str(int(now.timestamp()))
    headers = {
        "content-type": "application/json",
        "webhook-id": str(row["notice_id"]),
        "webhook-timestamp": at,
        "webhook-signature": sign(secret, str(row["notice_id"]), at, body),
    }
    await outlets.poster.post(row["address"], headers, body)


def body_of(row: Any) -> bytes:
    """A notice as Standard Webhooks words an event: type, timestamp, data."""
    said = {
        "type": row["kind"],
        "timestamp": row["at"].isoformat(),
        "data": {"subject": row["subject"], "text": row["text"], **json.loads(row["data"])},
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


async def settle(sql: Sql, delivery_id: uuid.UUID, state: str, error: str | None = None) -> None:
    """Write down what became of it; what was sent stays sent."""
    await sql.execute(
        "update notice_delivery set state = $2::text, error = $3, "
        "sent_at = case when $2::text = 'sent' then clock_timestamp() end where id = $1 and state <> 'sent'",
        delivery_id,
        state,
        error[:LONGEST_ERROR] if error else None,
    )


def sealed_for(channel_id: uuid.UUID) -> bytes:
    """What a channel's secret is bound to, so that it opens at no other channel."""
    return f"notice secret|{channel_id}".encode()
