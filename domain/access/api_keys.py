"""API keys of clients: made, told once, and ended. How one is judged stands in `domain.access.key_lookup`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from domain.access.addresses import AddressInvalid, network_of
from domain.access.clients import REFUSES, ClientId, hold_client
from domain.access.credentials import new_api_key
from domain.access.giving import expect_own_scopes, name_of, scopes_of
from domain.access.revocation import LONGEST_CREDENTIAL, Revocable, revoke
from domain.access.scopes import Scope
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.refusals import InputInvalid, NotFound, Refusal
from domain.types import Ref
from domain.work import Work, entity_id

# One in use, and the next one while programs change over.
MOST_ACTIVE = 2
MOST_ADDRESSES = 50
LONGEST_LIFE = timedelta(days=36_500)


class TooManyKeys(Refusal):
    """The client has as many active keys as one may have."""

    code = "too_many_keys"
    status = 409


@dataclass(frozen=True, kw_only=True)
class CreateApiKey:
    """A key for a client.

    scopes: the client's unless said. allowed_addresses: addresses or networks (CIDR) it may be used from;
    from anywhere unless said. expires_at: it has no end unless said.
    """

    client_id: ClientId
    name: str
    scopes: list[str] | None = None
    allowed_addresses: list[str] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RevokeApiKey:
    """The key to end."""

    id: Annotated[str, Ref("api_key")]


@dataclass(frozen=True, kw_only=True)
class NewApiKey:
    """The whole key, told this once; only its hash is kept."""

    secret: str


@command(
    scope=Scope.CLIENTS_MANAGE,
    route="POST /api-keys",
    returns="api_key",
    audit=Audit.OPERATIONS,
    refuses=(*REFUSES, TooManyKeys),
    value=NewApiKey,
    discloses=True,
)
async def create_api_key(ask: CreateApiKey, work: Work) -> Outcome:
    """Make an API key for a client; it is told once. Two may be active, so that they can take turns."""
    held = await hold_client(work, ask.client_id, path=("client_id",))
    scopes = held.scopes if ask.scopes is None else scopes_of(ask.scopes)
    if over := sorted(scopes - held.scopes):
        raise InputInvalid(f"the client does not hold {', '.join(over)}", path=("scopes",))
    expect_own_scopes(work, scopes, "the key", ("scopes",))
    expires_at = _future(ask.expires_at, work.now)
    addresses = _networks(ask.allowed_addresses or [])
    active = await work.connection.fetchval(
        "select count(*) from api_key where client_id = $1 and revoked_at is null "
        "and (expires_at is null or expires_at > clock_timestamp())",
        held.id,
    )
    if active >= MOST_ACTIVE:
        raise TooManyKeys(
            f"the client has {active} active keys, and may have {MOST_ACTIVE}; revoke one first",
            path=("client_id",),
        )
    made = new_api_key()
    id = await work.connection.fetchval(
        "insert into api_key (client_id, name, prefix, hash, scopes, allowed_addresses, expires_at, "
        "created_by) values ($1, $2, $3, $4, $5, $6, $7, $8) returning id",
        held.id,
        name_of(ask.name),
        made.prefix,
        made.hash,
        sorted(scopes),
        addresses,
        expires_at,
        work.viewer.actor,
    )
    return Outcome("api_key", (id,), value=NewApiKey(secret=made.text))


@command(
    scope=Scope.CLIENTS_MANAGE,
    route="POST /api-keys/{id}/revoke",
    returns="api_key",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=REFUSES,
)
async def revoke_api_key(ask: RevokeApiKey, work: Work) -> Outcome:
    """End an API key, everywhere within seconds."""
    id = await work.connection.fetchval(
        "update api_key k set revoked_at = coalesce(k.revoked_at, clock_timestamp()) from client c "
        "where k.id = $1 and c.id = k.client_id and c.organization_id = $2 returning k.id",
        entity_id("api_key", ask.id, ("id",)),
        work.viewer.organization_id,
    )
    if id is None:
        raise NotFound(f"no API key {ask.id} in your organization", path=("id",))
    await revoke(work.connection, Revocable.KEY.of(id), work.now + LONGEST_CREDENTIAL)
    return Outcome("api_key", (id,))


def _future(given: datetime | None, now: datetime) -> datetime | None:
    if given is None:
        return None
    if given.tzinfo is None:
        raise InputInvalid(
            f"expires_at is {given.isoformat()}, in no time zone; add Z for UTC", path=("expires_at",)
        )
    if given <= now:
        raise InputInvalid(f"expires_at is {given.isoformat()}, which is past", path=("expires_at",))
    if given > now + LONGEST_LIFE:
        raise InputInvalid(
            f"expires_at is {given.isoformat()}; at most {LONGEST_LIFE.days} days from now, or none at all",
            path=("expires_at",),
        )
    return given


def _networks(texts: list[str]) -> list[str]:
    if len(texts) > MOST_ADDRESSES:
        raise InputInvalid(
            f"{len(texts)} addresses were given; at most {MOST_ADDRESSES}", path=("allowed_addresses",)
        )
    found = []
    for place, text in enumerate(texts):
        try:
            found.append(str(network_of(text)))
        except AddressInvalid as error:
            raise InputInvalid(str(error), path=("allowed_addresses", place)) from None
    return list(dict.fromkeys(found))
