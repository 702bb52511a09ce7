"""Requests that another site's page could make a browser send: each is refused, and changes nothing."""

from collections.abc import Mapping
from typing import Any

import pytest

from api.people.forms import FORM_COOKIE, FORM_TYPE
from tests.people.browser import Browser, form_in, message
from tests.people.conftest import PASSWORD, Town

FOREIGN: list[Mapping[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_another_site_can_not_log_anybody_in(
    town: Town, browser: Browser, headers: Mapping[str, str]
) -> None:
    ada = await town.person()
    given = {"email": ada.email, "password": PASSWORD}
    assert browser.post("/auth/login", given, headers=headers).json()["code"] == "CSRF_FAILED"

    fields = {**form_in(browser.get("/login").text, "/auth/login"), **given}
    answer = browser.send("POST", "/auth/login", data=fields, headers=headers)
    assert answer.status_code == 303
    assert "another site" in message(browser, answer)
    assert browser.session is None


async def test_a_form_before_log_in_needs_its_cookie_and_token(town: Town, browser: Browser) -> None:
    ada = await town.person()
    given = {"email": ada.email, "password": PASSWORD}
    with town.browser() as other:
        theirs = form_in(other.get("/login").text, "/auth/login")["csrf"]
    ours = form_in(browser.get("/login").text, "/auth/login")["csrf"]
    cookie = browser.cookies[FORM_COOKIE]
    for token, held in ((None, cookie), ("", cookie), (theirs, cookie), (ours, None), (ours, "x" * 43)):
        browser.cookies.pop(FORM_COOKIE, None)
        if held:
            browser.cookies[FORM_COOKIE] = held
        fields = {**given, **({} if token is None else {"csrf": token})}
        answer = browser.send("POST", "/auth/login", data=fields)
        assert answer.status_code == 303
        assert browser.session is None, (token, held)
    browser.cookies[FORM_COOKIE] = cookie
    browser.send("POST", "/auth/login", data={**given, "csrf": ours})
    assert browser.session


async def test_json_in_disguise_is_not_taken(town: Town, browser: Browser) -> None:
    ada = await town.person()
    body = f'{{"email": "{ada.email}", "password": "{PASSWORD}"}}'.encode()
    for kind in ("text/plain", "application/x-json", "multipart/form-data; boundary=x", ""):
        answer = browser.send("POST", "/auth/login", content=body, headers={"Content-Type": kind})
        assert answer.json()["code"] == "UNSUPPORTED_MEDIA_TYPE", kind


WRITES: list[tuple[str, str, Mapping[str, str]]] = [
    ("POST", "/auth/logout", {}),
    ("POST", "/auth/sessions/end-others", {}),
    (
        "POST",
        "/auth/password",
        {"currentPassword": PASSWORD, "password": "x" * 9, "passwordConfirmation": "x" * 9},
    ),
    ("POST", "/auth/organization", {"organizationId": "x"}),
    ("POST", "/auth/invitations/accept", {"token": "x"}),
    ("DELETE", "/auth/sessions/{session}", {}),
    ("POST", "/auth/sessions/{session}/end", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
async def test_writes_need_the_token_of_this_session(
    town: Town, browser: Browser, method: str, path: str, body: Mapping[str, Any]
) -> None:
    ada, eve = await town.person(), await town.person()
    told = browser.log_in(ada.email, PASSWORD)
    path = path.format(session=told["sessionId"])
    with town.browser() as other:
        others = other.log_in(eve.email, PASSWORD)["csrf"]
        same_person = other.log_in(ada.email, PASSWORD)["csrf"]
    right = told["csrf"]
    wrong: list[Mapping[str, str]] = [{}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": right[:-1]}]
    wrong += [{"X-CSRF-Token": others}, {"X-CSRF-Token": same_person}]
    wrong += [{"X-CSRF-Token": right, **foreign} for foreign in FOREIGN]
    for headers in wrong:
        answer = browser.send(method, path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_FAILED"), headers
        if method == "POST":
            sent = {**headers, "Content-Type": FORM_TYPE}
            form = browser.send(method, path, data=dict(body) or {"a": ""}, headers=sent)
            assert form.status_code == 303
    assert browser.get("/auth/session").json()["sessionId"] == told["sessionId"]
    browser.log_in(ada.email, PASSWORD)


async def test_the_field_of_a_form_counts_as_the_header_does(town: Town, browser: Browser) -> None:
    ada = await town.person()
    told = browser.log_in(ada.email, PASSWORD)
    answer = browser.send("POST", "/auth/logout", data={"csrf": told["csrf"]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert message(browser, answer) == "You are logged out."


async def test_a_session_token_opens_no_form_before_log_in(town: Town, browser: Browser) -> None:
    ada = await town.person()
    csrf = browser.log_in(ada.email, PASSWORD)["csrf"]
    given = {"email": ada.email, "password": PASSWORD, "csrf": csrf}
    before = browser.session
    assert browser.send("POST", "/auth/login", data=given).status_code == 303
    assert browser.session == before
