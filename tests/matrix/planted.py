"""The world of the matrix: the planted one of two tenants, an operator, a bound partner, and credentials."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg

from api.people.sessions import COOKIE
from domain.access.credentials import NewKey, new_api_key
from domain.access.sessions import end_session, open_session
from domain.row import utc_now
from tests.factories import OURS, THEIRS, Planter, World, instant
from tests.graph.world import a_world

OPERATOR = uuid.UUID("0195e3a0-0000-7000-8000-00000000000a")
PARTNER = uuid.UUID("0195e3a0-0000-7000-8000-00000000000b")
BOUND_TO = ("DE",)
PLENTY = 1_000_000_000
EVERYBODY = (("operator", OPERATOR), ("our", OURS), ("their", THEIRS), ("partner", PARTNER))


@dataclass(frozen=True)
class Planted:
    """What was planted, and the secrets that were made with it."""

    world: World
    good_key: NewKey
    revoked_key: NewKey
    session: str
    ended_session: str


async def plant(database_url: str, revoked_jti: str) -> Planted:
    """Plant everything into a migrated database. revoked_jti: the name of a token that was revoked."""
    connection = await asyncpg.connect(database_url)
    try:
        world = await a_world(connection)
        planter = Planter(connection)
        planter.world, planter._counted = world, 0x8000
        await connection.execute("update tier set points_per_minute = $1", PLENTY)
        await planter.row("organization", id=OPERATOR, name="Operator", slug="operator", is_operator=True)
        bound: dict[str, Any] = {"territories": list(BOUND_TO)}
        await planter.row("organization", id=PARTNER, name="Partner", slug="bound-partner", **bound)
        await licences(planter)
        for name, owner in EVERYBODY:
            await one_of_each(planter, name, owner)
            await people(planter, name, owner)
        await erasure(planter)
        await models(planter)
        made = await credentials(planter, revoked_jti)
        await connection.execute("analyze")
        return made
    finally:
        await connection.close()


async def erasure(planter: Planter) -> None:
    """Somebody who may be forgotten, and somebody who was."""
    await planter.row("user_account", id=planter.next_id(), email="Post", display_name="Post")
    await planter.row(
        "erasure",
        id=planter.next_id(),
        person_hash="of nobody",
        state="proven",
        reason="asked",
        requested_by="operator",
        result={"deleted": {}},
        proof={"left": {}},
        finished_at=instant(3),
    )


async def models(planter: Planter) -> None:
    """A model, a call of it for each organization that failed, and how it became champion."""
    model = planter.next_id()
    version = {"model": "m", "prompt_version": "1", "code_version": "1"}
    await planter.row("model", id=model, provider="qwen", role="champion", **version)
    # Nobody's own: whoever may name a model at all may name every model.
    for name, _ in EVERYBODY:
        planter.world.ids[f"{name} own model"], planter.world.kinds[f"{name} own model"] = model, "model"
    for name, owner in EVERYBODY:
        about = {
            "subject_id": owner,
            "sha256": f"of {name}",
            "place": 0,
            "reason": "first",
            "day": instant(2),
        }
        ended = {"state": "failed", "error": "timeout", "latency_ms": 1, "asked_at": instant(2)}
        await planter.row("model_call", owner_id=owner, model_id=model, **about, **ended)
    made = {"kind": "promoted", "why": "better", "made_by": "policy", "evidence": {"pairs": 200}}
    await planter.row("model_decision", id=planter.next_id(), from_id=model, to_id=model, **made)


async def licences(planter: Planter) -> None:
    """What the partner is licensed, by the other tenant and by us, and what it isn't."""
    deals: tuple[tuple[str, uuid.UUID | None, list[str], str, dict[str, Any]], ...] = (
        ("licensed here", PARTNER, ["DE", "FR"], "private", {}),
        ("licensed elsewhere", PARTNER, ["US"], "private", {}),
        ("licensed before", PARTNER, ["DE"], "private", {"valid_until": instant(1)}),
        ("public for everyone", None, ["DE"], "public", {}),
        ("public without a deal", None, [], "public", {}),
    )
    for owner, of in ((OURS, "our"), (THEIRS, "their")):
        for name, licensee, territories, visibility, more in deals:
            recording = await planter.plant(
                "recording", f"{of} recording {name}", owner, title=f"{of} {name}", visibility=visibility
            )
            if not territories:
                continue
            deal = await planter.plant(
                "deal",
                f"{of} deal {name}",
                owner,
                reference=name,
                territories=territories,
                licensee_id=licensee,
                **more,
            )
            await planter.row("deal_subject", deal_id=deal, position=1, subject_id=recording)


async def one_of_each(planter: Planter, name: str, owner: uuid.UUID) -> None:
    """A private row of each kind for an organization, all with the same few words in them."""
    words = f"private of {name}"
    release = await planter.plant("release", f"{name} own release", owner, title=words)
    recording = await planter.plant("recording", f"{name} own recording", owner, title=words)
    podcast = await planter.plant("podcast", f"{name} own podcast", owner, title=words)
    await planter.row("medium", release_id=release, position=1)
    for kind, more in (
        ("artist", {"name": words}),
        ("work", {"title": words}),
        ("video", {"title": words}),
        ("track", {"title": words, "release_id": release, "medium_position": 1, "position": 1}),
        ("episode", {"title": words, "podcast_id": podcast}),
        ("book", {"title": words}),
        ("audiobook", {"title": words}),
        ("image", {"title": words, "subject_id": release}),
        ("credit", {"name": words, "role": "Producer", "subject_id": recording}),
        ("deal", {"reference": words}),
    ):
        await planter.plant(kind, f"{name} own {kind}", owner, **more)
    made = {"received_at": instant(2), "size_bytes": 1, "sha256": "ef" * 32}
    delivery = await planter.plant("delivery", f"{name} own delivery", owner, file_name=words, **made)
    await planter.row(
        "finding", delivery_id=delivery, position=1, code="E", rule="r", severity="error", text=words
    )
    when = {"run_at": instant(2), "created_at": instant(2)}
    await planter.plant("job", f"{name} own job", owner, kind="enrich", subject_id=delivery, **when)
    await planter.plant(
        "legal_hold",
        f"{name} own legal_hold",
        owner,
        subject_type="organization",
        subject_id=owner,
        reason=words,
        placed_by=words,
    )
    file = await planter.plant(
        "file", f"{name} own file", owner, file_name=words, size_bytes=1, state="uploading"
    )
    await planter.plant(
        "enrichment",
        f"{name} own enrichment",
        owner,
        file_id=file,
        sha256="0" * 64,
        state="failed",
        text=words,
    )
    await callbacks(planter, name, owner)
    await notices(planter, name, owner)
    await planter.plant(
        "change_set",
        f"{name} own change_set",
        owner,
        actor=f"user:{name}",
        door="test",
        command="plant",
        reason=words,
        state="applied",
        created_at=instant(2),
    )


async def callbacks(planter: Planter, name: str, owner: uuid.UUID) -> None:
    """A partner that calls back, what it said, and where a release stands with it."""
    words, when = f"private of {name}", instant(2)
    partner = await planter.plant(
        "callback_partner",
        f"{name} own callback_partner",
        owner,
        name=words,
        slug=f"slug of {name}",
        mapping={"word_path": "type"},
        secret_sealed=b"sealed",
    )
    distribution = await planter.plant(
        "distribution",
        f"{name} own distribution",
        owner,
        partner_id=partner,
        subject=f"partner:{words}",
        reference_scheme="partner",
        reference=words,
        state="delivered",
        state_at=when,
    )
    await planter.plant(
        "callback_event",
        f"{name} own callback_event",
        owner,
        partner_id=partner,
        distribution_id=distribution,
        event_id=words,
        body=b'{"type": "delivered"}',
        body_sha256="ab" * 32,
        size_bytes=21,
        sent_at=when,
    )


async def notices(planter: Planter, name: str, owner: uuid.UUID) -> None:
    """A channel, a notice, and what became of it there."""
    words = f"private of {name}"
    channel = await planter.plant(
        "notice_channel", f"{name} own notice_channel", owner, kind="email", address=f"{name}@ops.example"
    )
    alert = {"value": 2.0, "threshold": 1.0, "since": instant(2)}
    await planter.plant("alert", f"{name} own alert", owner, rule=words, state="firing", **alert)
    notice = await planter.plant(
        "notice",
        f"{name} own notice",
        owner,
        kind="notice.test",
        subject=words,
        text=words,
        unique_key=words,
        channels=1,
    )
    await planter.plant(
        "notice_delivery",
        f"{name} own notice_delivery",
        owner,
        notice_id=notice,
        channel_id=channel,
        kind="email",
        error=words,
    )


async def people(planter: Planter, name: str, owner: uuid.UUID) -> None:
    """Who may come in to an organization, one of each kind."""
    world, words = planter.world, f"private of {name}"
    person = planter.next_id()
    await planter.row("user_account", id=person, email=f"{name}@people.example", display_name=words)
    client = planter.next_id()
    key = new_api_key()
    scopes: dict[str, Any] = {"scopes": ["catalog:read"]}
    by_kind: dict[str, dict[str, Any]] = {
        "organization_dpid": {"organization_id": owner, "dpid": f"PADPIDA{owner.int % 10**10:010}X"},
        "member": {"organization_id": owner, "user_id": person, "role": "admin"},
        "invitation": {
            "organization_id": owner,
            "email": f"guest@{name}.example",
            "role": "api_user",
            "token_hash": f"{name}",
            "invited_by": words,
            "expires_at": utc_now() + timedelta(days=1),
        },
        "client": {"organization_id": owner, "name": words, "role": "api_user", **scopes},
        "api_key": {"client_id": client, "name": words, "prefix": key.prefix, "hash": key.hash, **scopes},
        "session": {
            "organization_id": owner,
            "user_id": person,
            "token_hash": f"hash of {name}",
            "user_agent": words,
            "expires_at": utc_now() + timedelta(days=1),
        },
    }
    for kind, values in by_kind.items():
        id = client if kind == "client" else planter.next_id()
        await planter.row(kind, id=id, **values)
        world.ids[f"{name} own {kind}"], world.kinds[f"{name} own {kind}"] = id, kind
    world.ids[f"{name} own organization"], world.kinds[f"{name} own organization"] = owner, "organization"


async def credentials(planter: Planter, revoked_jti: str) -> Planted:
    """People, programs and keys of our organization, good ones and such as are over."""
    sql = planter.connection
    person, program = uuid.uuid4(), uuid.uuid4()
    await planter.row("user_account", id=person, email="ada@ours.example", display_name="Ada")
    await planter.row("member", organization_id=OURS, user_id=person, role="label_user")
    scopes = ["catalog:read", "catalog:write", "rights:read", "rights:write"]
    scopes += ["deliveries:read", "deliveries:write", "jobs:read", "jobs:write", "audit:read"]
    scopes += ["files:read", "files:write", "exports:run", "enrichment:run", "notices:read"]
    await planter.row(
        "client", id=program, organization_id=OURS, name="program", role="api_user", scopes=scopes
    )
    good, revoked = new_api_key(), new_api_key()
    for key, revoked_at in ((good, None), (revoked, utc_now())):
        given: dict[str, Any] = {"client_id": program, "prefix": key.prefix, "hash": key.hash}
        await planter.row("api_key", scopes=scopes, revoked_at=revoked_at, **given)
    opened = [
        await open_session(sql, person, OURS, address="127.0.0.1", user_agent="tests") for _ in range(2)
    ]
    assert await end_session(sql, person, opened[1].id)
    await planter.row(
        "revocation",
        name=f"token:{revoked_jti}",
        revoked_at=utc_now() + timedelta(hours=1),
        expires_at=utc_now() + timedelta(hours=2),
    )
    return Planted(planter.world, good, revoked, f"{COOKIE}={opened[0].token}", f"{COOKIE}={opened[1].token}")
