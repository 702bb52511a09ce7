"""The account: sessions that end at once, the password, and the organization acted for."""

import uuid

from tests.people.browser import Browser, message
from tests.people.conftest import PASSWORD, Town

NEW = "a better horse battery"


def csrf(browser: Browser) -> dict[str, str]:
    return {"X-CSRF-Token": browser.get("/auth/session").json()["csrf"]}


async def test_one_session_is_listed_and_ended(town: Town, browser: Browser) -> None:
    ada = await town.person()
    with town.browser() as other:
        there = other.log_in(ada.email, PASSWORD)
        here = browser.log_in(ada.email, PASSWORD)
        listed = browser.get("/auth/sessions").json()["sessions"]
        assert {one["id"]: one["isCurrent"] for one in listed} == {
            here["sessionId"]: True,
            there["sessionId"]: False,
        }
        assert all(one["address"] == "127.0.0.1" and "httpx" in one["userAgent"] for one in listed)

        path = f"/auth/sessions/{there['sessionId']}"
        assert browser.send("DELETE", path).json()["code"] == "CSRF_FAILED"
        ask = {"json": {"query": "{ viewer { actor } }"}, "headers": {"X-CSRF-Token": there["csrf"]}}
        assert other.send("POST", "/graphql", **ask).json()["data"] == {"viewer": {"actor": str(ada.id)}}
        assert browser.send("DELETE", path, headers=csrf(browser)).status_code == 204
        assert other.get("/auth/session").status_code == 401
        assert other.send("POST", "/graphql", **ask).status_code == 401
        assert browser.get("/auth/session").status_code == 200
        again = browser.send("DELETE", path, headers=csrf(browser))
        assert (again.status_code, again.json()["code"]) == (404, "NOT_FOUND")
    assert await town.pool.fetchval(
        "select count(*) from revocation where name = $1", f"session:{there['sessionId']}"
    )


async def test_a_person_has_so_many_sessions_at_most(town: Town, browser: Browser) -> None:
    ada = await town.person()
    await town.pool.execute(
        "insert into session (user_id, organization_id, token_hash, created_at, expires_at) "
        "select $1, $2, 'many ' || n, now() - interval '1 hour' * n, now() + interval '1 day' "
        "from generate_series(1, 60) n",
        ada.id,
        town.ours,
    )
    browser.log_in(ada.email, PASSWORD)
    left = await town.pool.fetch(
        "select token_hash from session where user_id = $1 and ended_at is null", ada.id
    )
    assert len(left) == 50
    assert {"many 1", "many 49"} <= {row["token_hash"] for row in left}
    assert browser.get("/auth/session").status_code == 200


async def test_all_others_are_ended_by_the_page(town: Town, browser: Browser) -> None:
    ada = await town.person()
    with town.browser() as one, town.browser() as two:
        one.log_in(ada.email, PASSWORD)
        two.log_in(ada.email, PASSWORD)
        browser.log_in(ada.email, PASSWORD)
        answer = browser.submit("/account", "/auth/sessions/end-others")
        assert message(browser, answer) == "Ended: 2."
        assert [who.get("/auth/session").status_code for who in (one, two, browser)] == [401, 401, 200]


async def test_nobody_ends_somebody_elses_session(town: Town, browser: Browser) -> None:
    ada, eve = await town.person(), await town.person()
    browser.log_in(eve.email, PASSWORD)
    with town.browser() as adas:
        there = adas.log_in(ada.email, PASSWORD)
        for id in (there["sessionId"], str(uuid.uuid4()), "no-uuid"):
            answer = browser.send("DELETE", f"/auth/sessions/{id}", headers=csrf(browser))
            assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
        assert adas.get("/auth/session").status_code == 200


async def test_a_new_password_ends_everything_of_the_old_one(town: Town, browser: Browser) -> None:
    ada = await town.person()
    client_id = await town.pool.fetchval(
        "insert into client (organization_id, name, role) values ($1, 'app', 'api_user') returning id",
        town.ours,
    )
    grant = await town.pool.fetchval(
        "insert into grant_family (client_id, user_id, organization_id, authenticated_at) "
        "values ($1, $2, $3, now()) returning id",
        client_id,
        ada.id,
        town.ours,
    )
    with town.browser() as other:
        other.log_in(ada.email, PASSWORD)
        browser.log_in(ada.email, PASSWORD)
        before = browser.session
        given = {"currentPassword": PASSWORD, "password": NEW, "passwordConfirmation": NEW}
        answer = browser.submit("/account", "/auth/password", **given)
        assert "password is changed" in message(browser, answer)
        assert browser.session != before
        assert other.get("/auth/session").status_code == 401
        assert other.post("/auth/login", {"email": ada.email, "password": PASSWORD}).status_code == 401
        other.log_in(ada.email, NEW)
    assert await town.pool.fetchval("select revoked_at is not null from grant_family where id = $1", grant)
    assert await town.pool.fetchval("select count(*) from revocation where name = $1", f"grant:{grant}")


async def test_a_new_password_needs_the_present_one(town: Town, browser: Browser) -> None:
    ada = await town.person()
    browser.log_in(ada.email, PASSWORD)
    for given, code in (
        (
            {"currentPassword": "wrong password", "password": NEW, "passwordConfirmation": NEW},
            "INVALID_CREDENTIALS",
        ),
        (
            {"currentPassword": PASSWORD, "password": "short", "passwordConfirmation": "short"},
            "VALIDATION_ERROR",
        ),
        (
            {"currentPassword": PASSWORD, "password": NEW, "passwordConfirmation": PASSWORD},
            "VALIDATION_ERROR",
        ),
        ({"password": NEW, "passwordConfirmation": NEW}, "VALIDATION_ERROR"),
    ):
        assert browser.post("/auth/password", given, headers=csrf(browser)).json()["code"] == code
    browser.log_in(ada.email, PASSWORD)


async def test_a_member_of_two_acts_for_one_at_a_time(town: Town, browser: Browser) -> None:
    ada = await town.person(town.ours, town.theirs)
    first = browser.log_in(ada.email, PASSWORD, organizationId=str(town.ours))
    before = browser.session
    answer = browser.submit("/account", "/auth/organization", organizationId=str(town.theirs))

    assert answer.status_code == 303
    told = browser.get("/auth/session").json()
    assert told["organizationId"] == str(town.theirs)
    assert told["sessionId"] != first["sessionId"]
    assert browser.session != before
    with town.browser() as again:
        assert again.log_in(ada.email, PASSWORD)["organizationId"] == str(town.theirs), "as last time"

    eve = await town.person(town.ours)
    browser.log_in(eve.email, PASSWORD)
    for id in (str(town.theirs), "no-uuid"):
        refused = browser.post("/auth/organization", {"organizationId": id}, headers=csrf(browser))
        assert (refused.status_code, refused.json()["code"]) == (404, "NOT_FOUND")
    wrong = {"email": eve.email, "password": PASSWORD, "organizationId": str(town.theirs)}
    assert browser.post("/auth/login", wrong).json()["code"] == "INSUFFICIENT_SCOPE"


async def test_without_a_session_there_is_no_account(browser: Browser) -> None:
    assert browser.get("/account").headers["location"] == "/login?next=/account"
    for method, path in (
        ("GET", "/auth/session"),
        ("GET", "/auth/sessions"),
        ("DELETE", f"/auth/sessions/{uuid.uuid4()}"),
        ("POST", "/auth/sessions/end-others"),
        ("POST", "/auth/password"),
        ("POST", "/auth/organization"),
    ):
        answer = browser.send(method, path)
        assert (answer.status_code, answer.json()["code"]) == (401, "AUTH_REQUIRED"), path
        assert answer.headers["content-type"] == "application/problem+json"
