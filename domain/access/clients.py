"""Clients: the programs of an organization, how they prove themselves, and what they may."""

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from domain.access.client_metadata import jwks_of, redirect_uris_of
from domain.access.credentials import hash_of, new_secret
from domain.access.giving import (
    BeyondOwn,
    expect_own_scopes,
    expect_role_of_client,
    is_operator,
    name_of,
    role_of,
    scopes_of,
)
from domain.access.revocation import LONGEST_CREDENTIAL, Revocable, revoke
from domain.access.scopes import Role, Scope
from domain.access.tables import AUTH_METHODS
from domain.audit import Audit
from domain.command import Outcome, Repeat, command
from domain.refusals import InputInvalid, NotFound, ReferenceMissing
from domain.types import UNSET, AnyJson, Ref, Unset
from domain.work import Work, entity_id

ClientId = Annotated[str, Ref("client")]
LONGEST_OVERLAP_HOURS = 7 * 24
REFUSES = (NotFound, ReferenceMissing, BeyondOwn)


@dataclass(frozen=True, kw_only=True)
class CreateClient:
    """A program to register (RFC 6749 §2).

    auth_method: client_secret; private_key_jwt, with the public keys in jwks; or none, for a program that
    can't keep a secret. points_per_minute: its own share of the organization's budget, if it is to have one.
    """

    name: str
    scopes: list[str]
    auth_method: str = "client_secret"
    role: str = "api_user"
    redirect_uris: list[str] | None = None
    jwks: AnyJson | None = None
    points_per_minute: int | None = None


@dataclass(frozen=True, kw_only=True)
class EditClient:
    """What is to change of a client; what is left out stays."""

    id: ClientId
    name: str | Unset = UNSET
    scopes: list[str] | Unset = UNSET
    role: str | Unset = UNSET
    redirect_uris: list[str] | Unset = UNSET
    jwks: AnyJson | Unset = UNSET
    points_per_minute: int | Unset | None = UNSET


@dataclass(frozen=True, kw_only=True)
class RevokeClient:
    """The client to end, with every token and key that it has."""

    id: ClientId


@dataclass(frozen=True, kw_only=True)
class RotateClientSecret:
    """The client to get a new secret. overlap_hours: how long the old one stays good, 0 to 168."""

    id: ClientId
    overlap_hours: int = 24


@dataclass(frozen=True, kw_only=True)
class NewSecret:
    """A secret, told this once; only its hash is kept."""

    secret: str | None


@dataclass(frozen=True)
class Held:
    """A client's row, locked until the transaction ends."""

    id: uuid.UUID
    name: str
    role: Role
    scopes: frozenset[Scope]
    redirect_uris: list[str]
    auth_method: str
    jwks: dict[str, Any] | None
    points_per_minute: int | None


@command(
    scope=Scope.CLIENTS_MANAGE,
    route="POST /clients",
    returns="client",
    audit=Audit.OPERATIONS,
    refuses=REFUSES,
    value=NewSecret,
    discloses=True,
)
async def create_client(ask: CreateClient, work: Work) -> Outcome:
    """Register a program; its secret is told once."""
    if ask.auth_method not in AUTH_METHODS:
        raise InputInvalid(
            f"auth_method {ask.auth_method[:60]!r} is unknown; there are {', '.join(AUTH_METHODS)}",
            path=("auth_method",),
        )
    role, scopes = role_of(ask.role), scopes_of(ask.scopes)
    own = work.viewer.organization_id
    expect_role_of_client(
        work,
        role,
        scopes,
        operator=await is_operator(work.connection, own),
        paths=(("role",), ("scopes",)),
    )
    redirects = redirect_uris_of(ask.redirect_uris or [])
    if ask.auth_method == "none" and not redirects:
        raise InputInvalid(
            "a client without authentication gets tokens through a redirect address alone; give one",
            path=("redirect_uris",),
        )
    jwks = _jwks(ask.auth_method, ask.jwks)
    secret = new_secret() if ask.auth_method == "client_secret" else None
    id = await work.connection.fetchval(
        "insert into client (organization_id, name, role, scopes, redirect_uris, auth_method, jwks, "
        "secret_hash, points_per_minute, created_by) values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10) "
        "returning id",
        own,
        name_of(ask.name),
        role,
        sorted(scopes),
        redirects,
        ask.auth_method,
        json.dumps(jwks) if jwks else None,
        hash_of(secret) if secret else None,
        _points(ask.points_per_minute),
        work.viewer.actor,
    )
    return Outcome("client", (id,), value=NewSecret(secret=secret))


@command(
    scope=Scope.CLIENTS_MANAGE,
    route="PATCH /clients/{id}",
    returns="client",
    audit=Audit.OPERATIONS,
    refuses=REFUSES,
)
async def edit_client(ask: EditClient, work: Work) -> Outcome:
    """Change a client; what narrows it ends the tokens it has."""
    held = await hold_client(work, ask.id)
    role = held.role if isinstance(ask.role, Unset) else role_of(ask.role)
    scopes = held.scopes if isinstance(ask.scopes, Unset) else scopes_of(ask.scopes)
    # Whoever sets keys or redirect addresses gets the tokens: that needs all of the client's scopes as well.
    if any(one is not UNSET for one in (ask.role, ask.scopes, ask.redirect_uris, ask.jwks)):
        expect_role_of_client(
            work,
            role,
            scopes,
            operator=await is_operator(work.connection, work.viewer.organization_id),
            paths=(("role",), ("scopes",)),
        )
    redirects = (
        held.redirect_uris if isinstance(ask.redirect_uris, Unset) else redirect_uris_of(ask.redirect_uris)
    )
    if held.auth_method == "none" and not redirects:
        raise InputInvalid(
            "a client without authentication keeps one redirect address", path=("redirect_uris",)
        )
    jwks = held.jwks if isinstance(ask.jwks, Unset) else _jwks(held.auth_method, ask.jwks)
    await work.connection.execute(
        "update client set name = $2, role = $3, scopes = $4, redirect_uris = $5, jwks = $6::jsonb, "
        "points_per_minute = $7 where id = $1",
        held.id,
        held.name if isinstance(ask.name, Unset) else name_of(ask.name),
        role,
        sorted(scopes),
        redirects,
        json.dumps(jwks) if jwks else None,
        held.points_per_minute
        if isinstance(ask.points_per_minute, Unset)
        else _points(ask.points_per_minute),
    )
    kept = jwks["keys"] if jwks else []
    removed = [key for key in (held.jwks or {}).get("keys", []) if key not in kept]
    if role != held.role or held.scopes - scopes or removed:
        await revoke(work.connection, Revocable.CLIENT.of(held.id), work.now + LONGEST_CREDENTIAL)
    return Outcome("client", (held.id,))


@command(
    scope=Scope.CLIENTS_MANAGE,
    route="POST /clients/{id}/revoke",
    returns="client",
    audit=Audit.OPERATIONS,
    repeat=Repeat.NATURAL,
    refuses=REFUSES,
)
async def revoke_client(ask: RevokeClient, work: Work) -> Outcome:
    """End a client, its API keys, and every token that was issued to it."""
    held = await hold_client(work, ask.id, also_revoked=True)
    await work.connection.execute(
        "update client set revoked_at = coalesce(revoked_at, clock_timestamp()), secret_hash = null, "
        "previous_secret_hash = null, previous_secret_until = null where id = $1",
        held.id,
    )
    await work.connection.execute(
        "update api_key set revoked_at = clock_timestamp() where client_id = $1 and revoked_at is null",
        held.id,
    )
    await work.connection.execute(
        "update grant_family set revoked_at = clock_timestamp() where client_id = $1 and revoked_at is null",
        held.id,
    )
    await revoke(work.connection, Revocable.CLIENT.of(held.id), work.now + LONGEST_CREDENTIAL)
    return Outcome("client", (held.id,))


@command(
    scope=Scope.CLIENTS_MANAGE,
    route="POST /clients/{id}/rotate-secret",
    returns="client",
    audit=Audit.OPERATIONS,
    refuses=REFUSES,
    value=NewSecret,
    discloses=True,
)
async def rotate_client_secret(ask: RotateClientSecret, work: Work) -> Outcome:
    """Give a client a new secret, told once; the old one stays good for an overlap."""
    if not 0 <= ask.overlap_hours <= LONGEST_OVERLAP_HOURS:
        raise InputInvalid(
            f"overlap_hours is {ask.overlap_hours}; 0 to {LONGEST_OVERLAP_HOURS} will do",
            path=("overlap_hours",),
        )
    held = await hold_client(work, ask.id)
    if held.auth_method != "client_secret":
        raise InputInvalid(f"the client authenticates by {held.auth_method}, not by a secret", path=("id",))
    expect_own_scopes(work, held.scopes, "whoever has the secret", ("id",))
    secret = new_secret()
    await work.connection.execute(
        "update client set secret_hash = $2, previous_secret_until = $3, "
        "previous_secret_hash = case when $3::timestamptz is not null then secret_hash end where id = $1",
        held.id,
        hash_of(secret),
        work.now + timedelta(hours=ask.overlap_hours) if ask.overlap_hours else None,
    )
    return Outcome("client", (held.id,), value=NewSecret(secret=secret))


async def hold_client(
    work: Work, given: str, *, path: tuple[str, ...] = ("id",), also_revoked: bool = False
) -> Held:
    """A client of the own organization, locked. Raises NotFound; a revoked one is as good as gone."""
    row = await work.connection.fetchrow(
        "select id, name, role, scopes, redirect_uris, auth_method, jwks, points_per_minute from client "
        "where id = $1 and organization_id = $2 and ($3 or revoked_at is null) for no key update",
        entity_id("client", given, path),
        work.viewer.organization_id,
        also_revoked,
    )
    if row is None:
        raise NotFound(f"no client {given} in your organization, or it was revoked", path=path)
    return Held(
        id=row["id"],
        name=row["name"],
        role=Role(row["role"]),
        scopes=frozenset(scope for scope in Scope if scope.value in row["scopes"]),
        redirect_uris=row["redirect_uris"],
        auth_method=row["auth_method"],
        jwks=json.loads(row["jwks"]) if row["jwks"] else None,
        points_per_minute=row["points_per_minute"],
    )


def _jwks(auth_method: str, given: Any) -> dict[str, Any] | None:
    if auth_method == "private_key_jwt":
        return jwks_of(given)
    if given is not None:
        raise InputInvalid(f"jwks goes with private_key_jwt; auth_method is {auth_method}", path=("jwks",))
    return None


def _points(given: int | None) -> int | None:
    if given is not None and not 1 <= given <= 1_000_000_000:
        raise InputInvalid(
            f"points_per_minute is {given}; 1 to 1,000,000,000 will do", path=("points_per_minute",)
        )
    return given
