"""Members, organizations, DPIDs, settings and sessions by command: good, bad, and out of reach."""

import asyncio
import json
import uuid
from typing import Any

import httpx2
import pytest

from domain.access.credentials import hash_of
from domain.access.scopes import Role
from domain.access.sessions import open_session
from tests.access.callers import Caller, admin, member, operator, tenant
from tests.access.conftest import OPERATOR, OURS, THEIRS, Office, asks, becomes

DPID = "PADPIDA2007040502I"


# -- members -----------------------------------------------------------------------------------------------


async def test_an_invitation_is_told_once_and_replaces_the_one_before(office: Office) -> None:
    ada = admin(office, await tenant(office))
    first = await ada.does("POST", "/invitations", email=" Eve@Example.org ", role="label_user")
    assert first["token"].startswith("cg_invite_")
    kept = await office.pool.fetchrow(
        "select email, role, extract(day from expires_at - created_at) as days from invitation "
        "where token_hash = $1",
        hash_of(first["token"]),
    )
    assert kept is not None
    assert (kept["email"], kept["role"], round(kept["days"])) in (
        ("Eve@Example.org", "label_user", 7),
        ("Eve@Example.org", "label_user", 6),
    )
    second = await ada.does("POST", "/invitations", email="eve@example.org", role="admin")
    listed = (await ada.reads("/invitations"))["items"]
    assert [bool(one["revokedAt"]) for one in listed] == [True, False]
    assert first["token"] not in json.dumps(listed)

    ended = await ada.does("POST", f"/invitations/{second['id']}/revoke")
    assert ended["revokedAt"]
    await office.pool.execute(
        "update invitation set accepted_at = now() where token_hash = $1", hash_of(first["token"])
    )
    code, _ = await ada.refused("POST", f"/invitations/{first['id']}/revoke")
    assert code == "INVITATION_ACCEPTED"


async def test_who_is_a_member_is_not_invited_again(office: Office) -> None:
    organization = await tenant(office)
    user_id, _, token = await member(office, organization)
    email = await office.pool.fetchval("select upper(email) from user_account where id = $1", user_id)
    code, _ = await Caller(office, token).refused("POST", "/invitations", email=email)
    assert code == "ALREADY_MEMBER"
    for given in ({"email": "nobody"}, {"email": "a@b.example", "role": "emperor"}):
        assert (await Caller(office, token).refused("POST", "/invitations", **given))[0] == "VALIDATION_ERROR"


async def test_a_role_is_given_within_ones_own_rights(office: Office) -> None:
    organization = await tenant(office)
    _, _, _ = await member(office, organization)
    _, id, _ = await member(office, organization, "label_user")
    narrow = admin(office, organization, scopes=["members:manage", "catalog:read"])
    for method, path, body in (
        ("POST", "/invitations", {"email": "x@example.org", "role": "admin"}),
        ("POST", "/invitations", {"email": "x@example.org", "role": "label_user"}),
        ("PATCH", f"/members/{id}", {"role": "admin"}),
    ):
        assert (await narrow.refused(method, path, **body))[0] == "BEYOND_OWN_RIGHTS", path
    assert (await admin(office, organization).does("PATCH", f"/members/{id}", role="admin"))[
        "role"
    ] == "admin"


@pytest.mark.parametrize("role", [Role.LABEL_USER, Role.API_USER, Role.SERVICE])
async def test_no_other_role_manages_members(office: Office, role: Role) -> None:
    organization = await tenant(office)
    user_id, id, _ = await member(office, organization, role.value)
    # Even a token that says it may: the role is the limit.
    for token in (office.token(organization, role), office.token(organization, role, subject=str(user_id))):
        caller = Caller(office, token)
        for method, path, body in (
            ("POST", "/invitations", {"email": "x@example.org"}),
            ("PATCH", f"/members/{id}", {"role": "admin"}),
            ("DELETE", f"/members/{id}", {}),
            ("PATCH", f"/organizations/{organization}", {"name": "x"}),
            ("POST", "/dpids", {"dpid": DPID}),
            ("GET", "/members", {}),
            ("GET", "/invitations", {}),
        ):
            assert (await caller.refused(method, path, **body))[0] == "INSUFFICIENT_SCOPE", path


async def test_a_new_role_ends_the_tokens_of_the_old_one(office: Office) -> None:
    organization = await tenant(office)
    await member(office, organization)
    _, id, token = await member(office, organization, "admin")
    async with office.client(token) as client:
        assert (await client.get("/v1/viewer")).status_code == 200
        await admin(office, organization).does("PATCH", f"/members/{id}", role="api_user")
        told = await becomes(client, 401)
        assert (told["code"], "revoked" in told["detail"]) == ("INVALID_CREDENTIALS", True)


async def test_a_removed_member_is_out_with_every_session_and_token(office: Office) -> None:
    organization = await tenant(office)
    await member(office, organization)
    user_id, id, token = await member(office, organization, "label_user")
    async with office.pool.acquire() as sql:
        opened = await open_session(sql, user_id, organization, address=None, user_agent=None)
    async with office.client(token) as client:
        assert (await client.get("/v1/viewer")).status_code == 200
        await admin(office, organization).does("DELETE", f"/members/{id}")
        await becomes(client, 401)
    ended = await office.pool.fetchval("select ended_at is not null from session where id = $1", opened.id)
    assert ended
    account = await office.pool.fetchval("select count(*) from user_account where id = $1", user_id)
    assert account == 1
    assert (await admin(office, organization).refused("DELETE", f"/members/{id}"))[0] == "NOT_FOUND"


async def test_the_last_administrator_stays(office: Office) -> None:
    organization = await tenant(office)
    _, id, token = await member(office, organization)
    other, other_id, _ = await member(office, organization)
    ada = Caller(office, token)
    await office.pool.execute("update user_account set disabled_at = now() where id = $1", other)
    # Who can't log in does not count.
    for method, body in (("DELETE", {}), ("PATCH", {"role": "label_user"})):
        code, told = await ada.refused(method, f"/members/{id}", **body)
        assert (code, "last administrator" in told) == ("LAST_ADMIN", True)
    assert (await ada.does("PATCH", f"/members/{id}", role="admin"))["role"] == "admin"
    await office.pool.execute("update user_account set disabled_at = null where id = $1", other)
    await ada.does("DELETE", f"/members/{id}")
    assert (await admin(office, organization).refused("DELETE", f"/members/{other_id}"))[0] == "LAST_ADMIN"


async def test_of_two_last_administrators_not_both_go_at_once(office: Office) -> None:
    organization = await tenant(office)
    ids = [(await member(office, organization))[1] for _ in range(2)]
    ada = admin(office, organization)
    answers = await asyncio.gather(*(ada.send("DELETE", f"/members/{id}") for id in ids))
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_members_of_others_are_not_there(office: Office) -> None:
    organization = await tenant(office)
    _, id, _ = await member(office, organization)
    invited = await admin(office, organization).does("POST", "/invitations", email="x@example.org")
    claim = await admin(office, organization).does("POST", "/dpids", dpid=DPID)
    for caller in (admin(office, THEIRS), operator(office)):
        for method, path, body in (
            ("PATCH", f"/members/{id}", {"role": "label_user"}),
            ("DELETE", f"/members/{id}", {}),
            ("GET", f"/members/{id}", {}),
            ("POST", f"/invitations/{invited['id']}/revoke", {}),
            ("DELETE", f"/dpids/{claim['id']}", {}),
            ("PATCH", f"/organizations/{organization}", {"name": "x"}),
        ):
            assert (await caller.refused(method, path, **body))[0] == "NOT_FOUND", path


# -- organizations -----------------------------------------------------------------------------------------


async def test_an_organization_is_made_with_its_first_administrator(office: Office) -> None:
    slug = f"s{uuid.uuid4().hex[:12]}"
    made = await operator(office).does(
        "POST", "/organizations", name="Élan & Söhne", slug=slug, tier="pro", adminEmail="a@example.org"
    )
    kept = await office.pool.fetchrow(
        "select i.role, o.slug, o.tier, o.is_operator from invitation i "
        "join organization o on o.id = i.organization_id where token_hash = $1",
        hash_of(made["invitationToken"]),
    )
    assert kept is not None
    assert tuple(kept.values()) == ("admin", slug, "pro", False)
    code, _ = await operator(office).refused("POST", "/organizations", name="x", slug=slug)
    assert code == "SLUG_TAKEN"
    for given in (
        {"name": ""},
        {"name": "***"},
        {"name": "x", "slug": "Up"},
        {"name": "x", "tier": "gold"},
        {"name": "x", "territories": ["XX"]},
        {"name": "x", "territories": []},
        {"name": "x", "adminEmail": "nobody"},
    ):
        code, told = await operator(office).refused("POST", "/organizations", **given)
        assert code == "VALIDATION_ERROR", (given, told)


@pytest.mark.parametrize("organization", [OURS, OPERATOR])
async def test_the_system_is_for_the_operators_administrators(
    office: Office, organization: uuid.UUID
) -> None:
    role = Role.ADMIN if organization == OURS else Role.LABEL_USER
    caller = Caller(office, office.token(organization, role))
    claim = await admin(office, await tenant(office)).does("POST", "/dpids", dpid=DPID)
    for method, path, body in (
        ("POST", "/organizations", {"name": "x"}),
        ("PATCH", f"/organizations/{organization}/terms", {"tier": "enterprise"}),
        ("POST", f"/dpids/{claim['id']}/confirm", {"proof": "trust me"}),
        ("PATCH", "/system-settings", {"openRegistration": True}),
        ("GET", "/system-settings", {}),
    ):
        assert (await caller.refused(method, path, **body))[0] == "INSUFFICIENT_SCOPE", path


async def test_an_administrator_renames_the_own_organization(office: Office) -> None:
    organization = await tenant(office)
    ada = admin(office, organization)
    told = await ada.does("PATCH", f"/organizations/{organization}", name="  New   name ")
    assert told["name"] == "New name"
    assert [one["name"] for one in (await ada.reads("/organizations"))["items"]] == ["New name"]


async def test_new_terms_end_tokens_and_reach_new_ones(office: Office) -> None:
    organization = await tenant(office)
    old = office.token(organization)
    async with office.client(old) as client:
        assert (await client.get("/v1/viewer")).status_code == 200
        told = await operator(office).does(
            "PATCH", f"/organizations/{organization}/terms", tier="pro", territories=["de", "2120"]
        )
        assert told["tier"] == "pro"
        assert "DE" in told["territories"]
        assert told["territories"] == sorted(told["territories"])
        await becomes(client, 401)
    kept = await operator(office).does("PATCH", f"/organizations/{organization}/terms", tier="free")
    assert kept["territories"] == told["territories"]
    document = """mutation($id: ID!) { editOrganizationTerms(input: {id: $id, territories: null}) {
        organization { territories tier } userErrors { code } } }"""
    async with office.client(organization=OPERATOR) as client:
        done = await asks(client, document, id=str(organization))
    assert done["data"]["editOrganizationTerms"]["organization"] == {"territories": None, "tier": "free"}
    code, _ = await operator(office).refused("PATCH", f"/organizations/{uuid.uuid4()}/terms", tier="pro")
    assert code == "NOT_FOUND"
    # It stands in the trails of both.
    owners = await office.pool.fetch(
        "select distinct owner_id from change where entity_id = $1 and kind = 'organization'", organization
    )
    assert {row["owner_id"] for row in owners} == {organization, OPERATOR}


# -- DPIDs -------------------------------------------------------------------------------------------------


async def test_a_dpid_is_claimed_by_many_and_proven_for_one(office: Office) -> None:
    code = f"PADPIDA{uuid.uuid4().hex[:10].upper()}X"
    first, second = admin(office, await tenant(office)), admin(office, await tenant(office))
    mine = await first.does("POST", "/dpids", dpid=f"PA-DPIDA-{code[7:17]}-{code[17:]}")
    assert (mine["dpid"], mine["provenAt"]) == (code, None)
    assert (await first.refused("POST", "/dpids", dpid=code))[0] == "DPID_TAKEN"
    theirs = await second.does("POST", "/dpids", dpid=code)

    boss = operator(office)
    assert (await boss.refused("POST", f"/dpids/{mine['id']}/confirm", proof=" "))[0] == "VALIDATION_ERROR"
    proven = await boss.does("POST", f"/dpids/{mine['id']}/confirm", proof="letter of the registry")
    assert proven["provenAt"]
    assert proven["proof"] == "letter of the registry"
    refused, told = await boss.refused("POST", f"/dpids/{theirs['id']}/confirm", proof="another letter")
    assert (refused, "can't be another's" in told) == ("DPID_TAKEN", True)
    assert (await boss.refused("POST", f"/dpids/{mine['id']}/confirm", proof="x"))[0] == "DPID_TAKEN"
    assert (await boss.refused("POST", f"/dpids/{uuid.uuid4()}/confirm", proof="x"))[0] == "NOT_FOUND"

    await first.does("DELETE", f"/dpids/{mine['id']}")
    assert (await boss.does("POST", f"/dpids/{theirs['id']}/confirm", proof="now"))["provenAt"]
    assert (await first.refused("POST", "/dpids", dpid="PADPIDA"))[0] == "VALIDATION_ERROR"


async def test_two_claims_confirmed_at_once_are_proven_for_one(office: Office) -> None:
    code = f"PADPIDA{uuid.uuid4().hex[:10].upper()}X"
    tenants = [admin(office, await tenant(office)) for _ in range(2)]
    ids = [(await one.does("POST", "/dpids", dpid=code))["id"] for one in tenants]
    boss = operator(office)
    answers = await asyncio.gather(*(boss.send("POST", f"/dpids/{id}/confirm", proof="seen") for id in ids))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


# -- settings ----------------------------------------------------------------------------------------------


async def test_settings_have_known_names_and_types(office: Office) -> None:
    boss = operator(office)
    assert await boss.reads("/system-settings") == {"openRegistration": False, "introspection": "signed_in"}
    told = await boss.does("PATCH", "/system-settings", openRegistration=True)
    assert told == {"openRegistration": True, "introspection": "signed_in"}
    assert await boss.reads("/system-settings") == told
    for given in (
        {"openRegistration": "yes"},
        {"openRegistration": None},
        {"introspection": "never"},
        {"passwordLength": 3},
    ):
        assert (await boss.refused("PATCH", "/system-settings", **given))[0] == "VALIDATION_ERROR", given
    await boss.does("PATCH", "/system-settings", openRegistration=False)


# -- sessions ----------------------------------------------------------------------------------------------


async def session_of(office: Office, user_id: uuid.UUID, organization: uuid.UUID) -> str:
    """A new session of a person; gives its id."""
    async with office.pool.acquire() as sql:
        return str((await open_session(sql, user_id, organization, address=None, user_agent="x")).id)


async def test_sessions_are_seen_and_ended_by_their_owner_and_by_who_manages(office: Office) -> None:
    organization = await tenant(office)
    ada, _, boss_token = await member(office, organization)
    eve, _, token = await member(office, organization, "api_user")
    first, second = [await session_of(office, eve, organization) for _ in range(2)]
    boss_session = await session_of(office, ada, organization)
    caller, boss = Caller(office, token), Caller(office, boss_token)

    async def listed(by: Caller) -> list[Any]:
        return [one["userId"] for one in (await by.reads("/sessions"))["items"] if not one["endedAt"]]

    assert await listed(caller) == [str(eve)] * 2
    assert sorted(await listed(boss)) == sorted([str(eve)] * 2 + [str(ada)])
    assert (await caller.refused("DELETE", f"/sessions/{boss_session}"))[0] == "NOT_FOUND"
    await caller.does("DELETE", f"/sessions/{first}")
    await boss.does("DELETE", f"/sessions/{second}")
    assert await listed(caller) == []
    for stranger in (admin(office, THEIRS), operator(office)):
        assert (await stranger.refused("DELETE", f"/sessions/{boss_session}"))[0] == "NOT_FOUND"
    revoked = await office.pool.fetchval(
        "select count(*) from revocation where name = any($1)", [f"session:{first}", f"session:{second}"]
    )
    assert revoked == 2


async def test_a_program_sees_and_ends_no_sessions_of_its_person(office: Office) -> None:
    organization = await tenant(office)
    eve, _, _ = await member(office, organization, "label_user")
    id = await session_of(office, eve, organization)
    granted = Caller(
        office,
        office.token(
            organization, Role.LABEL_USER, subject=str(eve), grant=uuid.uuid4(), client_id=uuid.uuid4()
        ),
    )
    assert (await granted.reads("/sessions"))["items"] == []
    assert (await granted.refused("DELETE", f"/sessions/{id}"))[0] == "NOT_FOUND"


async def test_every_door_needs_somebody(office: Office) -> None:
    async with httpx2.AsyncClient(base_url=office.url) as client:
        for method, path in (
            ("POST", "/v1/clients"),
            ("POST", "/v1/invitations"),
            ("DELETE", f"/v1/sessions/{uuid.uuid4()}"),
            ("GET", "/v1/members"),
            ("GET", "/v1/api-keys"),
            ("GET", "/v1/system-settings"),
        ):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_REQUIRED"), path
