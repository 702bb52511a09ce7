"""The planted access: what each of the two organizations has of members, clients, keys and claims."""

import uuid
from typing import Any

from tests.factories import EMOJI, OURS, QUOTES, THEIRS, Planter, instant

_NEVER = "f" * 64


async def plant(planter: Planter, kind: str, name: str, owner: uuid.UUID, /, **values: Any) -> uuid.UUID:
    """Insert one row of a table whose owner stands in another column than content has it."""
    id: uuid.UUID = values.pop("id", None) or planter.next_id()
    await planter.row(kind, id=id, **values)
    world = planter.world
    world.ids[name], world.kinds[name], world.owners[name] = id, kind, owner
    return id


async def access(planter: Planter) -> None:
    """A full and a bare row of each kind for ours, one of each for theirs."""
    world = planter.world
    for name, id in (("our organization", OURS), ("their organization", THEIRS)):
        world.ids[name], world.kinds[name], world.owners[name] = id, "organization", id
    await planter.connection.execute(
        "update organization set territories = $2, tier = 'pro' where id = $1", THEIRS, ["CH", "DE"]
    )
    await claims(planter)
    await people(planter)
    await programs(planter)


async def claims(planter: Planter) -> None:
    """DPIDs, proven and not."""
    proven = {"proven_at": instant(5), "proof": QUOTES, "confirmed_by": "user:operator"}
    at = {"claimed_at": instant(4)}
    await plant(
        planter,
        "organization_dpid",
        "dpid full",
        OURS,
        organization_id=OURS,
        dpid="PADPIDA2007040502I",
        **at,
        **proven,
    )
    for name, of, code in (
        ("dpid bare", OURS, "PADPIDA2014021201U"),
        ("their dpid", THEIRS, "PADPIDA2007040502I"),
    ):
        await plant(planter, "organization_dpid", name, of, organization_id=of, dpid=code, **at)


async def people(planter: Planter) -> None:
    """Members with their sessions, and invitations; one person belongs to both organizations."""
    users = {}
    for place, (name, disabled) in enumerate((("ann", None), ("bob", instant(9)), ("hidden eve", None))):
        users[name] = planter.next_id()
        await planter.row(
            "user_account",
            id=users[name],
            email=f"{name.replace(' ', '.')}@example.org",
            display_name=f"{name} {EMOJI}",
            password_hash="$argon2id$never-shown",
            disabled_at=disabled,
            created_at=instant(place),
        )
    for name, of, user, role in (
        ("member full", OURS, "ann", "admin"),
        ("member bare", OURS, "bob", "label_user"),
        ("their member", THEIRS, "hidden eve", "admin"),
        ("their member ann", THEIRS, "ann", "api_user"),
    ):
        await plant(
            planter,
            "member",
            name,
            of,
            organization_id=of,
            user_id=users[user],
            role=role,
            created_at=instant(3),
        )
    full = {"address": "192.0.2.7", "user_agent": QUOTES}
    times: dict[str, Any] = {name: instant(6) for name in ("created_at", "authenticated_at", "last_seen_at")}
    later, over = instant(36_500), instant(7)
    sessions: tuple[tuple[str, uuid.UUID, str, dict[str, Any]], ...] = (
        ("session full", OURS, "ann", {**full, "expires_at": later}),
        ("session bare", OURS, "bob", {"expires_at": later}),
        ("session ended", OURS, "ann", {"expires_at": over, "ended_at": over}),
        ("their session", THEIRS, "hidden eve", {**full, "expires_at": later}),
        ("their session ann", THEIRS, "ann", {"expires_at": later}),
    )
    for place, (name, of, user, more) in enumerate(sessions):
        await plant(
            planter,
            "session",
            name,
            of,
            organization_id=of,
            user_id=users[user],
            token_hash=f"{place:064x}",
            **times,
            **more,
        )
    nowhere = {"token_hash": _NEVER, "expires_at": over, **times}
    await planter.row("session", id=planter.next_id(), user_id=users["hidden eve"], **nowhere)
    for place, (name, of, more) in enumerate(
        (
            ("invitation full", OURS, {"accepted_at": instant(7), "revoked_at": instant(8)}),
            ("invitation bare", OURS, {}),
            ("their invitation", THEIRS, {}),
        )
    ):
        await plant(
            planter,
            "invitation",
            name,
            of,
            organization_id=of,
            email=f"{name.replace(' ', '.')}@example.org",
            role="label_user",
            token_hash=f"{place:064x}",
            invited_by="user:tests",
            created_at=instant(6),
            expires_at=instant(13),
            **more,
        )


async def programs(planter: Planter) -> None:
    """Clients and their API keys."""
    full = {
        "redirect_uris": ["https://app.example/callback?x=1"],
        "auth_method": "private_key_jwt",
        "jwks": {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": QUOTES, "x": "AA"}]},
        "points_per_minute": 500,
        "previous_secret_until": instant(9),
        "previous_secret_hash": _NEVER,
        "secret_hash": _NEVER,
        "created_by": "user:tests",
        "revoked_at": instant(8),
    }
    for name, of, more in (
        ("client full", OURS, full),
        ("client bare", OURS, {}),
        ("their client", THEIRS, {}),
    ):
        id = await plant(
            planter,
            "client",
            name,
            of,
            organization_id=of,
            name=f"{name} {EMOJI}",
            role="api_user",
            scopes=["catalog:read", "rights:read"],
            created_at=instant(6),
            **more,
        )
        whole = {
            "allowed_addresses": ["192.0.2.0/24", "2001:db8::/32"],
            "expires_at": instant(99),
            "last_used_at": instant(7),
            "revoked_at": instant(8),
            "created_by": "user:tests",
        }
        for kind, values in (("full", whole), ("bare", {})):
            await plant(
                planter,
                "api_key",
                f"{name} key {kind}",
                of,
                client_id=id,
                name=QUOTES,
                prefix=f"cg_live_{name.replace(' ', '_')}_{kind}",
                hash=_NEVER,
                scopes=["catalog:read"],
                created_at=instant(6),
                **values,
            )
