"""Logging in and out: by form and by JSON, right and wrong, and what the cookie is like."""

from datetime import timedelta
from urllib.parse import urljoin

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis.strategies import binary, sampled_from, text

from api.people.forms import FORM_TYPE, local
from api.people.sessions import COOKIE
from domain.access.credentials import hash_of
from tests.people.browser import Browser, message
from tests.people.conftest import PASSWORD, Town


async def test_a_form_logs_in_and_leads_on(town: Town, browser: Browser) -> None:
    ada = await town.person()
    answer = browser.submit("/login?next=/docs%3Fa%3D1", "/auth/login", email=ada.email, password=PASSWORD)

    assert (answer.status_code, answer.headers["location"]) == (303, "/docs?a=1")
    told = browser.get("/auth/session").json()
    assert told["userId"] == str(ada.id)
    assert told["organizationId"] == str(town.ours)
    assert told["role"] == "label_user"


async def test_the_cookie_is_for_this_host_alone(town: Town, browser: Browser) -> None:
    ada = await town.person()
    answer = browser.post("/auth/login", {"email": ada.email.upper(), "password": PASSWORD})

    (line,) = [line for line in answer.headers.get_list("set-cookie") if line.startswith(COOKIE + "=")]
    parts = {part.strip().split("=")[0].lower(): part.strip() for part in line.split(";")[1:]}
    assert {"secure", "httponly", "path", "samesite", "max-age"} == set(parts)
    assert parts["path"] == "Path=/"
    assert parts["samesite"].lower() == "samesite=lax"
    assert answer.headers["cache-control"] == "no-store"
    assert browser.session
    assert len(browser.session.removeprefix("cg_session_")) == 43  # 256 bits in base64url
    kept = await town.pool.fetchrow(
        "select token_hash, expires_at - created_at as lives from session where user_id = $1", ada.id
    )
    assert kept is not None
    assert kept["token_hash"] == hash_of(browser.session)
    assert kept["lives"] <= timedelta(days=7, seconds=1)


async def test_wrong_and_unknown_are_told_alike(town: Town, browser: Browser) -> None:
    ada = await town.person()
    without = await town.person()
    await town.pool.execute("update user_account set password_hash = null where id = $1", without.id)
    disabled = await town.person()
    await town.pool.execute("update user_account set disabled_at = now() where id = $1", disabled.id)
    told = [
        browser.post("/auth/login", {"email": email, "password": password})
        for email, password in (
            (ada.email, "wrong password"),
            ("nobody@label.example", PASSWORD),
            (without.email, PASSWORD),
            (disabled.email, PASSWORD),
            ("no address at all\0", PASSWORD),
        )
    ]
    assert {answer.status_code for answer in told} == {401}
    assert {answer.json()["code"] for answer in told} == {"INVALID_CREDENTIALS"}
    assert len({answer.json()["detail"] for answer in told}) == 1
    assert all("set-cookie" not in answer.headers for answer in told)


async def test_a_form_with_a_wrong_password_goes_back_with_the_reason(town: Town, browser: Browser) -> None:
    ada = await town.person()
    answer = browser.submit("/login?next=/docs", "/auth/login", email=ada.email, password="wrong password")

    assert answer.headers["location"] == "/login?next=/docs"
    assert "do not belong together" in message(browser, answer)
    assert "do not belong together" not in browser.get("/login").text
    assert browser.session is None


async def test_a_new_log_in_has_a_new_token_and_ends_the_old_one(town: Town, browser: Browser) -> None:
    ada = await town.person()
    browser.cookies[COOKIE] = "chosen-by-somebody-else"
    browser.log_in(ada.email, PASSWORD)
    first = browser.session
    assert first != "chosen-by-somebody-else"
    browser.log_in(ada.email, PASSWORD)

    assert browser.session != first
    with town.browser() as other:
        other.cookies[COOKIE] = first or ""
        assert other.get("/auth/session").status_code == 401


async def test_logging_out_ends_the_session_and_needs_its_token(town: Town, browser: Browser) -> None:
    ada = await town.person()
    told = browser.log_in(ada.email, PASSWORD)
    kept = browser.session or ""
    assert browser.post("/auth/logout").json()["code"] == "CSRF_FAILED"

    assert browser.post("/auth/logout", headers={"X-CSRF-Token": told["csrf"]}).status_code == 204
    assert browser.session is None
    browser.cookies[COOKIE] = kept
    assert browser.get("/auth/session").json()["code"] == "AUTH_REQUIRED"
    revoked = await town.pool.fetchval(
        "select count(*) from revocation where name = $1", f"session:{told['sessionId']}"
    )
    assert revoked == 1


async def test_a_session_ends_when_unused_when_old_and_with_the_membership(town: Town) -> None:
    for change in (
        "update session set last_seen_at = now() - interval '12 hours 1 minute' where user_id = $1",
        "update session set expires_at = now() - interval '1 second' where user_id = $1",
        "delete from member where user_id = $1",
        "update user_account set disabled_at = now() where id = $1",
    ):
        ada = await town.person()
        with town.browser() as browser:
            browser.log_in(ada.email, PASSWORD)
            assert browser.get("/auth/session").status_code == 200
            await town.pool.execute(change, ada.id)
            assert browser.get("/auth/session").status_code == 401, change


async def test_an_old_hash_is_made_anew_by_the_right_password(town: Town, browser: Browser) -> None:
    ada = await town.person()
    read = "select password_hash from user_account where id = $1"
    before = await town.pool.fetchval(read, ada.id)
    browser.log_in(ada.email, PASSWORD)
    after = await town.pool.fetchval(read, ada.id)

    assert before != after
    assert after.startswith("$argon2id$v=19$m=47104,t=2,p=1$")
    browser.log_in(ada.email, PASSWORD)
    assert await town.pool.fetchval(read, ada.id) == after


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/account", "/account"),
        ("/oauth/authorize?a=b&c=%2F", "/oauth/authorize?a=b&c=%2F"),
        ("//evil.example", "/account"),
        ("https://evil.example/", "/account"),
        ("/\\evil.example", "/account"),
        ("\\\\evil.example", "/account"),
        ("javascript:alert(1)", "/account"),
        ("/a\r\nSet-Cookie: x=y", "/account"),
        ("/%2F/evil", "/%2F/evil"),
        ("", "/account"),
    ],
)
async def test_next_leads_nowhere_else(town: Town, path: str, leads_to: str) -> None:
    ada = await town.person()
    with town.browser() as browser:
        answer = browser.submit("/login", "/auth/login", email=ada.email, password=PASSWORD, next=path)
        assert answer.headers["location"] == leads_to


@given(text())
@example("/\t/evil.example")
@example("/\\/evil.example")
@example("///evil.example")
@example("/ /evil.example")
@example("/@evil.example")
@example("/%5cevil.example")
def test_no_text_leads_to_another_host(path: str) -> None:
    leads_to = local(path)
    # As a browser reads it: control characters and blanks go, backslashes are slashes.
    read = "".join(c for c in leads_to if c > " ").replace("\\", "/")
    assert read == leads_to
    assert leads_to.isascii()
    assert urljoin("https://catalog.example/login", read).startswith("https://catalog.example/")


@given(binary(max_size=200), sampled_from(["application/json", FORM_TYPE, "text/plain"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_is_a_fault(browser: Browser, body: bytes, kind: str) -> None:
    for path in ("/auth/login", "/auth/register", "/auth/invitations/accept", "/auth/password"):
        answer = browser.send("POST", path, content=body, headers={"Content-Type": kind})
        assert answer.status_code < 500, (path, answer.text)


async def test_requests_of_no_use_are_told_why(browser: Browser) -> None:
    for content, kind, code in (
        (b"{", "application/json", "BAD_REQUEST"),
        (b"[]", "application/json", "BAD_REQUEST"),
        (b'{"email": 1}', "application/json", "VALIDATION_ERROR"),
        (b'{"email": "a@b.example"}', "application/json", "VALIDATION_ERROR"),
        (b'{"user": "a"}', "application/json", "UNKNOWN_FIELD"),
        (b'{"email": "\\ud800"}', "application/json", "BAD_REQUEST"),
        (b"<a/>", "application/xml", "UNSUPPORTED_MEDIA_TYPE"),
        (b"x" * 20_000, "application/json", "PAYLOAD_TOO_LARGE"),
    ):
        answer = browser.send("POST", "/auth/login", content=content, headers={"Content-Type": kind})
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == code, content[:40]
