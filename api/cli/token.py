"""`token`: makes an access token, signed with this installation's key."""

import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.output import AsJson, Fault, Refused, print_json

if TYPE_CHECKING:
    from api.settings import Settings

_SPAN = re.compile(r"(\d+)(s|m|h|d)")
_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=30)


def register(app: typer.Typer) -> None:
    """Hang `token` off the command line."""
    app.command()(token)


def token(
    role: Annotated[str, typer.Option(help="admin, label_user, api_user or service.")] = "admin",
    org: Annotated[str, typer.Option(help="Organization: its id, or its slug.")] = "development",
    scope: Annotated[
        list[str] | None, typer.Option(help="Only these scopes (repeat, or separate by spaces).")
    ] = None,
    ttl: Annotated[str, typer.Option(help="How long it lives: 90s, 15m, 12h, 7d.")] = "15m",
    user: Annotated[
        str | None, typer.Option(help="Whom it speaks for; the development administrator.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print an access token (a JWT signed with EdDSA) to standard output."""
    from api.cli.client import settings_here
    from api.development import read_identity
    from api.keys import ensure_keys, mint_token
    from domain.access.scopes import Role, Scope

    settings = settings_here()
    given = [name for words in scope or () for name in words.split()]
    try:
        as_role = Role(role)
    except ValueError:
        raise Refused(f"role {role} is unknown; there are: {', '.join(Role)}") from None
    unknown = [name for name in given if name not in set(Scope)]
    if unknown:
        raise Refused(f"scope {unknown[0]} is unknown; there are: {', '.join(Scope)}")
    lifetime = span(ttl)
    standing = _organization(settings, org)
    identity = read_identity(settings)
    text = mint_token(
        ensure_keys(settings.state_folder / "keys")[0],
        subject=user or (identity.user_id if identity else "cli"),
        organization_id=uuid.UUID(standing.organization_id),
        role=as_role,
        tier=standing.tier,
        operator=standing.operator,
        territories=standing.territories,
        scopes=[Scope(name) for name in given] if given else None,
        lifetime=lifetime,
    )
    if as_json:
        print_json(
            {"access_token": text, "token_type": "Bearer", "expires_in": int(lifetime.total_seconds())}
        )
    else:
        typer.echo(text)


def span(text: str) -> timedelta:
    """'15m' as 15 minutes; at most 30 days. Raises Refused."""
    found = _SPAN.fullmatch(text.strip())
    if not found:
        raise Refused(f"ttl {text!r} can't be read; write 90s, 15m, 12h or 7d")
    lifetime = timedelta(**{_UNIT[found[2]]: int(found[1])})
    if not timedelta(0) < lifetime <= _LONGEST:
        raise Refused(f"ttl {text} is outside what a token may live: from 1s to 30d")
    return lifetime


@dataclass(frozen=True)
class _Standing:
    """What of an organization goes into its tokens."""

    organization_id: str
    tier: str
    operator: bool
    territories: list[str] | None = None


def _organization(settings: "Settings", given: str) -> _Standing:
    """As noted by the first run for the development organization, else asked of the database."""
    from api.development import read_identity

    identity = read_identity(settings)
    if identity and given in ("development", identity.organization_id):
        return _Standing(identity.organization_id, identity.tier, identity.operator)
    if not settings.database_url:
        raise Fault(
            "The organization must be looked up, and no database is running. Start it with: python3 -m api"
        )
    import asyncio

    found = asyncio.run(_look_up(settings, given))
    if found is None:
        raise Refused(f"there is no organization {given}; give the id or the slug of one")
    return found


async def _look_up(settings: "Settings", given: str) -> _Standing | None:
    from api.compose import connect

    async with connect(settings) as connection:
        row = await connection.fetchrow(
            "select id, tier, is_operator, territories from organization "
            "where slug = $1 or id::text = lower($1)",
            given,
        )
    return _Standing(str(row["id"]), row["tier"], row["is_operator"], row["territories"]) if row else None
