"""The session cookie as a credential of the API: what it may by itself, and what needs the CSRF token."""

import uuid
from dataclasses import dataclass

import httpx2
import pytest

from api.people.sessions import COOKIE
from domain.access.sessions import end_session, open_session
from tests.access.conftest import OURS, THEIRS, Office

VIEWER = {"query": "{ viewer { actor organization role } }"}
MAKE = {"query": 'mutation { createArtist(input: { name: "x" }) { artist { id } userErrors { code } } }'}


@dataclass(frozen=True)
class Person:
    """Somebody logged in: the cookie, and what scripts of the page send along."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    cookie: str
    csrf: str


async def person(office: Office, organization: uuid.UUID = OURS, role: str = "label_user") -> Person:
    """A new member, logged in."""
    user_id = await office.pool.fetchval(
        "insert into user_account (email, display_name) values ($1, 'Ada') returning id",
        f"{uuid.uuid4().hex}@example.org",
    )
    await office.pool.execute(
        "insert into member (organization_id, user_id, role) values ($1, $2, $3)", organization, user_id, role
    )
    async with office.pool.acquire() as sql:
        opened = await open_session(sql, user_id, organization, address="127.0.0.1", user_agent="tests")
    cookie = f"{COOKIE}={opened.token}"
    async with httpx2.AsyncClient(base_url=office.url) as client:
        told = await client.get("/auth/session", headers={"Cookie": cookie})
    return Person(user_id, opened.id, cookie, told.json()["csrf"])


def browser(office: Office, of: Person, **headers: str) -> httpx2.AsyncClient:
    """A script on our own page."""
    return httpx2.AsyncClient(base_url=office.url, headers={"Cookie": of.cookie, **headers}, timeout=20)


async def test_a_session_reads_and_with_its_token_writes(office: Office) -> None:
    ada = await person(office)
    async with browser(office, ada) as client:
        told = (await client.get("/v1/viewer")).json()
        assert (told["actor"], told["role"]) == (str(ada.user_id), "label_user")
        assert (await client.get("/graphql", params=VIEWER)).status_code == 200
    async with browser(office, ada, **{"X-CSRF-Token": ada.csrf}) as client:
        told = (await client.post("/graphql", json=MAKE)).json()
        assert told["data"]["createArtist"]["userErrors"] == []
        made = await client.post("/v1/artists", json={"name": "y"}, headers={"Idempotency-Key": "y"})
        assert made.status_code == 201


@pytest.mark.parametrize("body", [VIEWER, MAKE])
async def test_every_post_needs_the_csrf_token(office: Office, body: dict[str, str]) -> None:
    ada, eve = await person(office), await person(office)
    for given in (None, "", "x" * 43, eve.csrf):
        headers = {} if given is None else {"X-CSRF-Token": given}
        async with browser(office, ada, **headers) as client:
            for path, sent in (("/graphql", body), ("/v1/artists", {"name": "z"})):
                answer = await client.post(path, json=sent)
                assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_FAILED"), given


async def test_a_page_of_another_site_gets_nothing_done(office: Office) -> None:
    ada = await person(office)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        async with browser(office, ada, **{"X-CSRF-Token": ada.csrf, **headers}) as client:
            answer = await client.post("/graphql", json=MAKE)
            assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_FAILED")


async def test_an_ended_session_is_no_credential(office: Office) -> None:
    ada = await person(office)
    async with office.pool.acquire() as sql:
        assert await end_session(sql, ada.user_id, ada.session_id)
    async with browser(office, ada) as client:
        answer = await client.get("/v1/viewer")
        assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_REQUIRED")


async def test_who_is_no_member_any_more_is_not_let_in(office: Office) -> None:
    ada = await person(office)
    await office.pool.execute("delete from member where user_id = $1", ada.user_id)
    async with browser(office, ada) as client:
        assert (await client.get("/v1/viewer")).status_code == 401


async def test_a_new_role_counts_at_once(office: Office) -> None:
    ada = await person(office, role="admin")
    async with browser(office, ada) as client:
        assert "members:manage" in (await client.get("/v1/viewer")).json()["scopes"]
        await office.pool.execute("update member set role = 'api_user' where user_id = $1", ada.user_id)
        assert "members:manage" not in (await client.get("/v1/viewer")).json()["scopes"]


async def test_a_header_counts_before_the_cookie_where_they_agree(office: Office) -> None:
    ada = await person(office)
    token = office.token(OURS, subject=str(ada.user_id))
    async with browser(office, ada, Authorization=f"Bearer {token}") as client:
        assert (await client.post("/graphql", json=VIEWER)).status_code == 200  # and needs no CSRF token


async def test_a_header_and_a_cookie_of_two_callers_are_refused(office: Office) -> None:
    ada, eve = await person(office), await person(office)
    key = await office.api_key()
    for token in (
        office.token(OURS, subject=str(eve.user_id)),
        office.token(THEIRS, subject=str(ada.user_id)),
        key.text,
    ):
        async with browser(office, ada, Authorization=f"Bearer {token}") as client:
            for answer in (await client.get("/v1/viewer"), await client.post("/graphql", json=VIEWER)):
                assert answer.status_code == 400
                assert "disagree" in answer.json()["detail"]


async def test_a_stale_cookie_does_not_stand_in_the_way_of_a_token(office: Office) -> None:
    async with office.client() as client:
        for cookie in (f"{COOKIE}=stale", "theme=dark", "="):
            answer = await client.post("/graphql", json=VIEWER, headers={"Cookie": cookie})
            assert answer.status_code == 200, cookie
    async with httpx2.AsyncClient(base_url=office.url, headers={"Cookie": f"{COOKIE}=stale"}) as client:
        assert (await client.get("/v1/viewer")).status_code == 401
