"""Registration: closed unless a setting says otherwise, and never into somebody else's organization."""

import uuid
from collections.abc import AsyncIterator

import pytest

from tests.people.browser import Browser, message
from tests.people.conftest import PASSWORD, Town


@pytest.fixture(autouse=True)
async def opened(town: Town) -> AsyncIterator[None]:
    await town.open_registration(True)
    yield
    await town.open_registration(False)


def form(**more: str) -> dict[str, str]:
    return {
        "email": f"reg.{uuid.uuid4().hex[:12]}@label.example",
        "displayName": "Grace",
        "organizationName": "Björk & Söhne",
        "password": PASSWORD,
        "passwordConfirmation": PASSWORD,
        **more,
    }


async def test_registering_makes_an_organization_of_ones_own(town: Town, browser: Browser) -> None:
    given = form()
    assert 'href="/register"' in browser.get("/login").text
    answer = browser.submit("/register", "/auth/register", **given)

    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    told = browser.get("/auth/session").json()
    assert (told["email"], told["role"]) == (given["email"], "admin")
    row = await town.pool.fetchrow(
        "select slug, tier, is_operator from organization where id = $1", uuid.UUID(told["organizationId"])
    )
    assert row is not None
    assert row["slug"].startswith("bjork-sohne")
    assert (row["tier"], row["is_operator"]) == ("free", False)


async def test_two_organizations_may_have_one_name(town: Town) -> None:
    found = set()
    for _ in range(2):
        with town.browser() as browser:
            answer = browser.post("/auth/register", form(organizationName="Same & Same"))
            assert answer.status_code == 200, answer.text
            found.add(answer.json()["organizationId"])
    assert len(found) == 2


async def test_it_is_closed_unless_the_setting_says_so(town: Town, browser: Browser) -> None:
    for value in ("false", '"true"', "1", "null", None):
        await town.pool.execute("delete from system_setting where name = 'open_registration'")
        if value is not None:
            await town.pool.execute(
                "insert into system_setting (name, value) values ('open_registration', $1::jsonb)", value
            )
        answer = browser.post("/auth/register", form())
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND"), value
        assert "by invitation" in answer.json()["detail"]
        assert browser.get("/register").status_code == 404
        assert "/register" not in browser.get("/login").text
    assert browser.session is None


async def test_an_address_is_registered_once(town: Town, browser: Browser) -> None:
    ada = await town.person()
    before = await town.pool.fetchval("select count(*) from organization")
    answer = browser.submit("/register", "/auth/register", **form(email=ada.email.upper()))

    assert "can't be registered" in message(browser, answer)
    assert browser.session is None
    assert await town.pool.fetchval("select count(*) from organization") == before


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("email", "no-address", "can't be one"),
        ("email", "a b@label.example", "can't be one"),
        ("email", "a\u0000b@label.example", "can't be one"),
        ("email", "x" * 250 + "@label.example", "can't be one"),
        ("displayName", "   ", "1 to 100"),
        ("displayName", "x" * 101, "1 to 100"),
        ("displayName", "Gr\u202eace", "1 to 100"),
        ("organizationName", "", "1 to 100"),
        ("password", "short", "has 5 characters; 8 to 100 will do"),
        ("passwordConfirmation", "something else", "differ"),
    ],
)
async def test_what_is_wrong_is_said(browser: Browser, field: str, value: str, said: str) -> None:
    answer = browser.post("/auth/register", form(**{field: value}))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "VALIDATION_ERROR")
    assert said in problem["detail"]
    assert problem["errors"][0]["pointer"] == f"/{field}"
