"""API keys over HTTP: which are taken, what each refusal says, and how soon an end is felt."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from api.api_keys import ApiKeys
from api.problems import Problem
from api.revocations import Revocations
from domain.access.credentials import new_api_key
from domain.access.revocation import revoke
from domain.access.scopes import Role
from tests.access.conftest import OURS, THEIRS, Office, asks, becomes

VIEWER = "{ viewer { actor organization role scopes tier } }"


def later(**span: float) -> datetime:
    return datetime.now(UTC) + timedelta(**span)


async def refused(client: httpx2.AsyncClient, told: str, **more: object) -> None:
    answer = await client.get("/v1/viewer", **more)  # type: ignore[arg-type]
    assert answer.status_code == 401, answer.text
    assert answer.json()["code"] == "INVALID_API_KEY"
    assert told in answer.json()["detail"]
    assert answer.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
async def test_a_key_opens_every_door_by_both_headers(office: Office, header: str) -> None:
    client_id = await office.program()
    key = await office.api_key(client_id)
    value = f"Bearer {key.text}" if header == "Authorization" else key.text
    async with httpx2.AsyncClient(base_url=office.url, headers={header: value}) as client:
        for _ in range(2):  # asked of the rows, and remembered
            told = await asks(client, VIEWER)
            assert told["data"]["viewer"]["actor"] == str(client_id)
            assert told["data"]["viewer"]["role"] == "api_user"
            assert told["data"]["viewer"]["scopes"] == ["catalog:read", "catalog:write"]
        made = await client.post(
            "/v1/artists", json={"name": "By key"}, headers={"Idempotency-Key": "by-key"}
        )
        assert made.status_code == 201, made.text
        assert (await client.get("/v1/viewer")).json()["tier"] == "free"
        assert (await client.get("/v1/jobs")).status_code == 403


async def test_a_slip_is_told_before_anything_is_looked_up(office: Office) -> None:
    text = (await office.api_key()).text
    slip = text[:-1] + ("a" if text[-1] != "a" else "b")
    async with office.client(slip) as client:
        await refused(client, "checksum does not fit")
    async with office.client(text[:-4]) as client:
        await refused(client, "has 59 characters")


async def test_a_well_formed_stranger_and_a_wrong_secret_are_told_alike(office: Office) -> None:
    async with office.client(new_api_key().text) as client:
        await refused(client, "no such API key")
    known = await office.api_key()
    other = new_api_key()
    await office.pool.execute("update api_key set prefix = $2 where prefix = $1", known.prefix, other.prefix)
    async with office.client(other.text) as client:
        await refused(client, "no such API key")


async def test_an_expired_and_a_revoked_key_say_so(office: Office) -> None:
    old = await office.api_key(expires_at=later(seconds=-1))
    async with office.client(old.text) as client:
        await refused(client, "expired at")
    gone = await office.api_key(revoked_at=later())
    async with office.client(gone.text) as client:
        await refused(client, "was revoked")


async def test_a_key_ends_on_time_though_it_is_remembered(office: Office) -> None:
    key = await office.api_key(expires_at=later(seconds=1.2))
    async with office.client(key.text) as client:
        assert (await client.get("/v1/viewer")).status_code == 200
        told = await becomes(client, 401, within_s=3)
        assert "expired at" in told["detail"]


async def test_a_revoked_key_is_refused_though_it_is_remembered(office: Office) -> None:
    key = await office.api_key()
    async with office.client(key.text) as client:
        await asks(client, VIEWER)
        async with office.pool.acquire() as connection, connection.transaction():
            id = await connection.fetchval(
                "update api_key set revoked_at = now() where prefix = $1 returning id", key.prefix
            )
            await revoke(connection, f"key:{id}", later(days=1))
        assert "revoked" in (await becomes(client, 401))["detail"]


async def test_rows_that_change_without_a_word_are_noticed_in_time(office: Office) -> None:
    """Whoever forgets to revoke, and a revocation that commits late, cost seconds and no more."""
    client_id = await office.program()
    key = await office.api_key(client_id)
    async with office.client(key.text) as client:
        await asks(client, VIEWER)
        await office.pool.execute("update client set revoked_at = now() where id = $1", client_id)
        assert "client" in (await becomes(client, 401))["detail"]


async def test_a_change_of_the_organization_reaches_its_keys(office: Office) -> None:
    organization = await office.pool.fetchval(
        "insert into organization (name, slug) values ('Moves', $1) returning id", uuid.uuid4().hex
    )
    key = await office.api_key(await office.program(organization))
    async with office.client(key.text) as client:
        assert (await client.get("/v1/viewer")).json()["tier"] == "free"
        async with office.pool.acquire() as connection, connection.transaction():
            await connection.execute("update organization set tier = 'pro' where id = $1", organization)
            await revoke(connection, f"organization:{organization}", later(hours=1))
        for _ in range(50):
            if (await client.get("/v1/viewer")).json()["tier"] == "pro":
                return
            await asyncio.sleep(0.1)
        pytest.fail("the tier is what it was")


async def test_a_key_holds_what_it_its_client_and_the_role_hold_together(office: Office) -> None:
    client_id = await office.program()
    key = await office.api_key(client_id, scopes=["catalog:read", "rights:read", "system:admin", "nonsense"])
    async with office.client(key.text) as client:
        assert (await client.get("/v1/viewer")).json()["scopes"] == ["catalog:read"]


async def test_a_key_is_used_from_its_addresses_alone(office: Office) -> None:
    key = await office.api_key(allowed_addresses=["192.0.2.0/24", "2001:db8::/32"])
    async with office.client(key.text) as client:
        await refused(client, "may not be used from 127.0.0.1")
        # The test's server believes a proxy on its own machine.
        for address in ("192.0.2.7", "::ffff:192.0.2.9", "2001:db8::7"):
            answer = await client.get("/v1/viewer", headers={"X-Forwarded-For": address})
            assert answer.status_code == 200, address
        await refused(client, "203.0.113.5", headers={"X-Forwarded-For": "203.0.113.5"})
        told = await client.post(
            "/graphql", json={"query": VIEWER}, headers={"X-Forwarded-For": "203.0.113.5"}
        )
        assert told.status_code == 401


async def test_two_credentials_that_differ_are_refused(office: Office) -> None:
    key, other = await office.api_key(), await office.api_key()
    async with office.client(key.text) as client:
        same = await client.get("/v1/viewer", headers={"X-API-Key": key.text})
        assert same.status_code == 200
        for path in ("/v1/viewer", "/graphql?query={viewer{actor}}"):
            answer = await client.get(path, headers={"X-API-Key": other.text})
            assert answer.status_code == 400
            assert "two credentials" in answer.json()["detail"]
        told = await client.post("/graphql", json={"query": VIEWER}, headers={"X-API-Key": other.text})
        assert told.status_code == 400
    async with office.client() as client:
        answer = await client.get("/v1/viewer", headers={"X-API-Key": key.text})
        assert answer.status_code == 400
        twice = [("Authorization", f"Bearer {office.token()}"), ("Authorization", f"Bearer {key.text}")]
    async with httpx2.AsyncClient(base_url=office.url) as client:
        assert (await client.get("/v1/viewer", headers=twice)).status_code == 400


async def test_an_access_token_is_no_api_key(office: Office) -> None:
    async with httpx2.AsyncClient(base_url=office.url, headers={"X-API-Key": office.token()}) as client:
        await refused(client, "one begins with cg_live_")
    async with httpx2.AsyncClient(base_url=office.url, headers={"X-API-Key": ""}) as client:
        await refused(client, "one begins with cg_live_")


async def test_a_key_sees_its_own_organization_alone(office: Office) -> None:
    theirs = await office.api_key(await office.program(THEIRS))
    async with office.client(role=Role.LABEL_USER) as ours, office.client(theirs.text) as client:
        named = {"Idempotency-Key": "ours-alone"}
        made = (await ours.post("/v1/artists", json={"name": "Ours alone"}, headers=named)).json()["id"]
        assert (await client.get(f"/v1/artists/{made}")).status_code == 404
        assert (await client.patch(f"/v1/artists/{made}", json={"name": "x"})).status_code == 404


async def test_the_last_use_is_written_down_soon(office: Office) -> None:
    key = await office.api_key()
    began = datetime.now(UTC) - timedelta(seconds=1)
    async with office.client(key.text) as client:
        await asks(client, VIEWER)
        for _ in range(300):
            used = await office.pool.fetchval(
                "select last_used_at from api_key where prefix = $1", key.prefix
            )
            if used is not None:
                assert used > began
                return
            await asyncio.sleep(0.1)
        pytest.fail("the use was not written down")


async def test_what_is_remembered_is_bounded_and_uses_are_kept_until_written(office: Office) -> None:
    revocations = Revocations(office.pool)
    client_id = await office.program()
    made = [await office.api_key(client_id) for _ in range(4)]
    keys = ApiKeys(office.pool, revocations, remembered=2)
    for key in made:
        viewer = await keys.viewer(key.text, "127.0.0.1")
        assert viewer.organization_id == OURS
    assert len(keys._known) == 2
    assert keys.known(made[0].text, "") is None
    assert keys.known(made[3].text, "") is not None

    assert len(keys._used) == 4
    await keys._note()
    assert keys._used == {}
    written = await office.pool.fetchval(
        "select count(*) from api_key where client_id = $1 and last_used_at is not null", client_id
    )
    assert written == 4

    with pytest.raises(Problem):
        await keys.viewer(new_api_key().text, "127.0.0.1")
    assert len(keys._known) == 2
