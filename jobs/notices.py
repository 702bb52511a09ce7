"""The job that sends one notice to one channel."""

import uuid
from collections.abc import Mapping
from typing import Any

import structlog

from domain import tracing
from domain.notices.outlets import NeverSent, NotSent
from domain.notices.send import NoOutlet, find, send, settle
from domain.ports import OutsideAway
from domain.refusals import Refusal
from domain.row import utc_now
from jobs.job import Tools, job

log = structlog.get_logger(__name__)


class NoticeRefused(Refusal):
    """Whoever is behind the channel won't have the notice."""

    code = "notice_refused"


@job(timeout_s=60, tries=3, backoff_s=(30, 300))
async def send_notice(delivery_id: uuid.UUID, tools: Tools) -> Mapping[str, Any]:
    """Send one notice to one channel, unless it was sent.

    A worker that is killed between the other side's yes and our note of it sends a second copy, under the
    same id.
    """
    async with tools.pool.acquire() as connection:
        row = await find(connection, delivery_id, tools.claim.owner_id)
    if row is None:
        return {"state": "known"}
    state, error = "sent", None
    try:
        with tracing.span(f"send {row['channel']}", kind="client"):
            await send(row, tools.house.outlets, utc_now())
    except NoOutlet as missing:
        state, error = "unset", str(missing)
        log.warning("notice can't be sent", channel=row["channel"], reason=error)
    except NeverSent as refused:
        state, error = "refused", str(refused)
    except NotSent as failed:
        async with tools.step() as connection:
            await settle(connection, delivery_id, "waiting", str(failed))
        if failed.after_s is not None:
            raise OutsideAway(row["channel"], str(failed), failed.after_s) from failed
        raise
    async with tools.step() as connection:
        await settle(connection, delivery_id, state, error)
    if state == "refused":
        raise NoticeRefused(error or "")
    return {"state": state}
