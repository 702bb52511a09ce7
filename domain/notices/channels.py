"""Where an organization is told things: channels made, switched, tried and deleted by its own people."""

import re
import uuid
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from domain.access.scopes import Scope
from domain.audit import Audit
from domain.callbacks.signature import new_signing_secret
from domain.command import Outcome, Repeat, command
from domain.notices.notify import notify
from domain.notices.send import sealed_for
from domain.notices.tables import CHANNELS
from domain.refusals import InputInvalid, NotFound, ReferenceMissing, Refusal
from domain.row import new_id
from domain.types import Ref
from domain.work import Work, entity_id

ChannelId = Annotated[str, Ref("notice_channel")]
MOST_CHANNELS = 20
LONGEST_URL = 2_000
REFUSES = (NotFound, ReferenceMissing)
# As much of RFC 5321 §4.1.2 as anybody uses; what a server makes of it is the server's to say.
_MAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)


class ChannelKnown(Refusal):
    """The organization has a channel to that address."""

    code = "notice_channel_known"
    status = 409


class ChannelsFull(Refusal):
    """The organization has as many channels as it may have."""

    code = "notice_channels_full"
    status = 409


@dataclass(frozen=True, kw_only=True)
class CreateNoticeChannel:
    """Where notices are to go. kind: email or webhook; address: an e-mail address, or a URL."""

    kind: str
    address: str


@dataclass(frozen=True, kw_only=True)
class EditNoticeChannel:
    """The channel to switch. disabled: nothing new goes there."""

    id: ChannelId
    disabled: bool


@dataclass(frozen=True, kw_only=True)
class DeleteNoticeChannel:
    """The channel that goes; what was sent through it stays listed."""

    id: ChannelId


@dataclass(frozen=True, kw_only=True)
class TestNoticeChannel:
    """The channel that a trial notice is sent to."""

    id: ChannelId


@dataclass(frozen=True, kw_only=True)
class ChannelSecret:
    """The secret that webhooks are signed with, told this once; null for e-mail."""

    secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrialNotice:
    """The notice that was written; its deliveries say what became of it."""

    notice_id: Annotated[str, Ref("notice")]


@command(
    scope=Scope.WEBHOOKS_MANAGE,
    route="POST /notice-channels",
    returns="notice_channel",
    audit=Audit.OPERATIONS,
    refuses=(ChannelKnown, ChannelsFull),
    value=ChannelSecret,
    discloses=True,
)
async def create_notice_channel(ask: CreateNoticeChannel, work: Work) -> Outcome:
    """Have notices sent to an e-mail address, or posted to a URL, signed with a secret told once."""
    if ask.kind not in CHANNELS:
        raise InputInvalid(f"kind is {ask.kind[:40]!r}; {' or '.join(CHANNELS)} will do", path=("kind",))
    address = _mail(ask.address) if ask.kind == "email" else _url(ask.address)
    owner, id = work.viewer.organization_id, new_id()
    # Two that make the last one at once would both count nineteen.
    await work.connection.execute(
        "select pg_advisory_xact_lock(hashtextextended('notice channels ' || $1, 0))", str(owner)
    )
    if await _count(work) >= MOST_CHANNELS:
        raise ChannelsFull(f"the organization has {MOST_CHANNELS} channels; delete one first")
    secret = new_signing_secret() if ask.kind == "webhook" else None
    assert work.sealer is not None, "a door to channels hands in what seals their secrets"
    sealed = work.sealer.seal(secret.encode(), sealed_for(id)) if secret else None
    made = await work.connection.fetchval(
        "insert into notice_channel (id, owner_id, kind, address, secret_sealed, created_by) "
        "values ($1, $2, $3, $4, $5, $6) on conflict (owner_id, kind, address) do nothing returning id",
        id,
        owner,
        ask.kind,
        address,
        sealed,
        work.viewer.actor,
    )
    if made is None:
        raise ChannelKnown("there is a channel to that address", path=("address",))
    return Outcome("notice_channel", (id,), value=ChannelSecret(secret=secret))


@command(
    scope=Scope.WEBHOOKS_MANAGE,
    route="PATCH /notice-channels/{id}",
    returns="notice_channel",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=REFUSES,
)
async def edit_notice_channel(ask: EditNoticeChannel, work: Work) -> Outcome:
    """Switch a channel off, or on again."""
    held = await _hold(work, ask.id)
    await work.connection.execute(
        "update notice_channel set disabled_at = case when $2 then coalesce(disabled_at, $3) end "
        "where id = $1",
        held["id"],
        ask.disabled,
        work.now,
    )
    return Outcome("notice_channel", (held["id"],))


@command(
    scope=Scope.WEBHOOKS_MANAGE,
    route="DELETE /notice-channels/{id}",
    returns="notice_channel",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=REFUSES,
)
async def delete_notice_channel(ask: DeleteNoticeChannel, work: Work) -> Outcome:
    """Delete a channel; what waits for it is not sent."""
    held = await _hold(work, ask.id)
    await work.connection.execute(
        "update notice_delivery set state = 'refused', error = 'the channel was deleted' "
        "where channel_id = $1 and state = 'waiting'",
        held["id"],
    )
    await work.connection.execute("delete from notice_channel where id = $1", held["id"])
    return Outcome("notice_channel", (held["id"],))


@command(
    scope=Scope.WEBHOOKS_MANAGE,
    route="POST /notice-channels/{id}/test",
    returns="notice_channel",
    audit=Audit.OPERATIONS,
    refuses=REFUSES,
    value=TrialNotice,
)
async def test_notice_channel(ask: TestNoticeChannel, work: Work) -> Outcome:
    """Send a trial notice to one channel, also to one that is switched off."""
    held = await _hold(work, ask.id)
    told = await notify(
        work.connection,
        work.viewer.organization_id,
        "notice.test",
        "A trial notice",
        "This notice was sent to see whether it arrives. Nothing needs to be done.",
        {},
        f"test:{new_id()}",
        correlation_id=work.correlation_id,
        only=held["id"],
    )
    return Outcome("notice_channel", (held["id"],), value=TrialNotice(notice_id=str(told.id)))


async def _count(work: Work) -> int:
    return int(
        await work.connection.fetchval(
            "select count(*) from notice_channel where owner_id = $1", work.viewer.organization_id
        )
    )


async def _hold(work: Work, given: str) -> Any:
    id: uuid.UUID = entity_id("notice_channel", given, ("id",))
    row = await work.connection.fetchrow(
        "select id, kind from notice_channel where id = $1 and owner_id = $2 for no key update",
        id,
        work.viewer.organization_id,
    )
    if row is None:
        raise NotFound(f"no notice channel {given} in your organization", path=("id",))
    return row


def _mail(text: str) -> str:
    if len(text) > 254 or not _MAIL.fullmatch(text):
        raise InputInvalid(
            f"{text[:60]!r} is no e-mail address (as in alerts@label.example)", path=("address",)
        )
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or len(text) > LONGEST_URL or not (text.isascii() and text.isprintable()) or " " in text:
        raise InputInvalid(
            f"{text[:60]!r} is no URL (as in https://hooks.label.example/catalog), or is too long",
            path=("address",),
        )
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InputInvalid("the URL may have no user, no password and no fragment", path=("address",))
    return text
