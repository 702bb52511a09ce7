"""Codes, redirects, refresh tokens and consents in the wrong hands."""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx2
import pytest

from domain.access.credentials import hash_of
from tests.oauth.conftest import CALLBACK, VERIFIER, Court, challenge, refused, sent_to_client
from tests.people.browser import form_in

REGISTERED = "https://app.example/callback"


def shown_to_the_person(answer: httpx2.Response, error: str) -> None:
    """Assert an error that is not told to the client, since nobody knows whether it is one."""
    assert answer.status_code == 400, answer.text
    assert "location" not in answer.headers
    assert answer.headers["content-type"].startswith("text/html")
    assert f"{error}:" in answer.text


# PKCE.
@pytest.mark.parametrize(
    "more",
    [
        {"code_challenge": None},
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "plain", "code_challenge": VERIFIER},
        {"code_challenge_method": "s256"},
        {"code_challenge_method": "S512"},
        {"code_challenge": "short"},
        {"code_challenge": challenge(VERIFIER) + "="},
        {"code_challenge": challenge(VERIFIER)[:-1]},
        {"code_challenge": "+" * 43},
    ],
    ids=str,
)
@pytest.mark.parametrize("auth_method", ["none", "client_secret"])
async def test_every_client_brings_a_s256_challenge(
    court: Court, more: dict[str, str | None], auth_method: str
) -> None:
    client = await court.client(auth_method=auth_method)
    with court.browser() as browser:
        sent = sent_to_client(browser.get(court.authorization(client, **more)))
    assert (sent["error"], sent["state"]) == ("invalid_request", "a state")


@pytest.mark.parametrize(
    ("verifier", "error"),
    [
        (None, "invalid_request"),
        ("", "invalid_request"),
        ("x" * 42, "invalid_request"),
        ("x" * 129, "invalid_request"),
        ("x" * 42 + "!", "invalid_request"),
        ("x" * 43, "invalid_grant"),
        (VERIFIER + "x", "invalid_grant"),
        (VERIFIER.upper(), "invalid_grant"),
        (challenge(VERIFIER), "invalid_grant"),
    ],
)
async def test_the_verifier_must_fit(court: Court, verifier: str | None, error: str) -> None:
    client = await court.client()
    code = await court.code(client)
    refused(court.exchange(client, code, code_verifier=verifier), error)
    assert court.exchange(client, code).status_code == 200


# The code.
async def test_a_code_belongs_to_its_client_and_redirect(court: Court) -> None:
    client, other = await court.client(), await court.client()
    public = await court.client(auth_method="none")
    code = await court.code(client)
    refused(court.exchange(other, code), "invalid_grant")
    stolen = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    refused(court.token({**stolen, "client_id": str(public.id)}), "invalid_grant")
    refused(court.token({**stolen, "client_id": str(client.id)}), "invalid_client", 401)
    refused(court.exchange(client, code, redirect_uri="https://app.example/other"), "invalid_grant")
    refused(court.exchange(client, code, redirect_uri=None), "invalid_grant")
    refused(court.exchange(client, code + "x"), "invalid_grant")
    refused(court.exchange(client, "x" * 10_000), "invalid_grant")
    refused(court.token({"grant_type": "authorization_code"}, client), "invalid_request")
    assert court.exchange(client, code).status_code == 200


async def test_a_code_lives_for_a_minute(court: Court) -> None:
    client = await court.client()
    code = await court.code(client)
    left = await court.pool.fetchval(
        "select max(c.expires_at - c.created_at) from authorization_code c "
        "join grant_family g on g.id = c.family_id where g.client_id = $1",
        client.id,
    )
    assert left.total_seconds() <= 60.1
    await court.pool.execute(
        "update authorization_code set expires_at = now() where family_id in "
        "(select id from grant_family where client_id = $1)",
        client.id,
    )
    refused(court.exchange(client, code), "invalid_grant")


async def test_of_many_exchanges_at_once_one_is_answered_and_all_is_over(court: Court) -> None:
    client = await court.client()
    code = await court.code(client)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: court.exchange(client, code), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 5
    (first,) = [answer.json() for answer in answers if answer.status_code == 200]
    refused(court.refresh(client, first["refresh_token"]), "invalid_grant")
    assert court.wait_until_refused(first["access_token"]).status_code == 401


async def test_nothing_of_a_grant_is_kept_in_the_clear(court: Court) -> None:
    client = await court.client()
    code = await court.code(client)
    told = court.exchange(client, code).json()
    for table in ("authorization_code", "refresh_token", "client"):
        rows = await court.pool.fetch(f"select t::text as row from {table} t")
        text = "\n".join(row["row"] for row in rows)
        for secret in (code, told["refresh_token"], told["access_token"], client.secret):
            assert secret not in text


# Redirects.
@pytest.mark.parametrize(
    "uri",
    [
        None,
        REGISTERED + "/",
        REGISTERED + "/more",
        REGISTERED + "?a=1",
        REGISTERED + "#fragment",
        REGISTERED + "%2f",
        REGISTERED + "/../callback",
        REGISTERED + "/..%2f..%2fevil",
        REGISTERED.upper(),
        "https://APP.example/callback",
        "https://app.example/Callback",
        "http://app.example/callback",
        "https://app.example:443/callback",
        "https://app.example:8443/callback",
        "https://app.example./callback",
        "https://app.example.evil.example/callback",
        "https://evil.example/callback",
        "https://evil.example\\@app.example/callback",
        "https://app.example@evil.example/callback",
        "https://user:pass@app.example/callback",
        "https://evil.example#https://app.example/callback",
        "https://sub.app.example/callback",
        "//app.example/callback",
        "/callback",
        "app.example/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://app.example/callback https://evil.example",
        "https://app.example/callback\r\nLocation: https://evil.example",
        "https://app.example/callback\0",
        "https://app.example/c%61llback",
        "https://xn--pp-eka.example/callback",
        "https://*.example/callback",
    ],
)
async def test_a_redirect_is_compared_letter_by_letter(court: Court, uri: str | None) -> None:
    client = await court.client(redirect_uris=(REGISTERED,))
    with court.browser() as browser:
        shown_to_the_person(browser.get(court.authorization(client, redirect_uri=uri)), "invalid_request")
        # Nor by way of an error that would be told to the client.
        answer = browser.get(court.authorization(client, redirect_uri=uri, response_type="token"))
        if uri is not None:
            assert answer.status_code == 400
            assert "location" not in answer.headers


async def test_a_loopback_redirect_keeps_its_port(court: Court) -> None:
    client = await court.client(redirect_uris=("http://127.0.0.1:4000/back", "com.example.app:/back"))
    browser, _ = await court.logged_in()
    with browser:
        shown_to_the_person(
            browser.get(court.authorization(client, redirect_uri="http://127.0.0.1:4001/back")),
            "invalid_request",
        )
        shown = browser.get(court.authorization(client, redirect_uri="com.example.app:/back"))
        assert "form-action 'self' com.example.app:" in shown.headers["content-security-policy"]
        answer = browser.send(
            "POST",
            "/oauth/authorize",
            data={**form_in(shown.text, "/oauth/authorize"), "decision": "allow"},
        )
        assert sent_to_client(answer, "com.example.app:/back?")["code"]


# The authorization request.
@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"client_id": None}, "invalid_client"),
        ({"client_id": "unknown"}, "invalid_client"),
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, "invalid_client"),
        ({"client_id": "<script>"}, "invalid_client"),
        ({"state": "a\nb"}, "invalid_request"),
        ({"state": "x" * 5000}, "invalid_request"),
        ({"response_type": 'co"de'}, "invalid_request"),
        ({"scope": "catalog:read\\"}, "invalid_request"),
    ],
)
async def test_what_can_not_be_told_to_the_client_is_told_to_the_person(
    court: Court, more: dict[str, str | None], error: str
) -> None:
    client = await court.client()
    with court.browser() as browser:
        answer = browser.get(court.authorization(client, **more))
        shown_to_the_person(answer, error)
        assert "<script>" not in answer.text


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"request_uri": "https://evil.example"}, "request_uri_not_supported"),
        ({"prompt": "odd"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"scope": "catalog:read no:such"}, "invalid_scope"),
        ({"scope": "system:admin"}, "invalid_scope"),
    ],
)
async def test_what_is_not_done_here_is_told_to_the_client(
    court: Court, more: dict[str, str | None], error: str
) -> None:
    client = await court.client()
    with court.browser() as browser:
        sent = sent_to_client(browser.get(court.authorization(client, **more)))
    assert (sent["error"], sent["state"]) == (error, "a state")
    assert "code" not in sent


async def test_a_parameter_stands_once(court: Court) -> None:
    client = await court.client()
    with court.browser() as browser:
        for more in ("client_id=x", "redirect_uri=https%3A%2F%2Fevil.example", "state=b", "scope=openid"):
            shown_to_the_person(browser.get(f"{court.authorization(client)}&{more}"), "invalid_request")


async def test_a_client_without_redirects_has_no_people(court: Court) -> None:
    client = await court.client(redirect_uris=())
    with court.browser() as browser:
        answer = browser.get(court.authorization(client, redirect_uri=CALLBACK))
        shown_to_the_person(answer, "invalid_request")


# The consent.
async def test_a_consent_comes_from_our_page_in_this_session(court: Court) -> None:
    client = await court.client()
    path = court.authorization(client)
    browser, _ = await court.logged_in()
    other, _ = await court.logged_in()
    with browser, other:
        fields = {**form_in(browser.get(path).text, "/oauth/authorize"), "decision": "allow"}
        theirs = form_in(other.get(path).text, "/oauth/authorize")["csrf"]
        for csrf, headers in (
            ("", {}),
            ("wrong", {}),
            (theirs, {}),
            (fields["csrf"], {"Origin": "https://evil.example"}),
            (fields["csrf"], {"Sec-Fetch-Site": "cross-site"}),
            (fields["csrf"], {"Origin": "null"}),
        ):
            answer = browser.send("POST", "/oauth/authorize", data={**fields, "csrf": csrf}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "CSRF_FAILED")
            assert "location" not in answer.headers
        with court.browser() as nobody:
            led = nobody.send("POST", "/oauth/authorize", data=fields)
            assert led.headers["location"].startswith("/login?next=")
        assert sent_to_client(browser.send("POST", "/oauth/authorize", data=fields))["code"]


async def test_what_was_shown_can_not_be_widened_in_the_form(court: Court) -> None:
    client = await court.client(scopes=("catalog:read",))
    browser, _ = await court.logged_in()
    with browser:
        wide = browser.submit(
            court.authorization(client, scope="catalog:read"),
            "/oauth/authorize",
            decision="allow",
            scope="system:admin catalog:write",
        )
        assert sent_to_client(wide)["error"] == "invalid_scope"
        elsewhere = browser.submit(
            court.authorization(client),
            "/oauth/authorize",
            decision="allow",
            redirect_uri="https://evil.example",
        )
        shown_to_the_person(elsewhere, "invalid_request")
        nowhere = browser.submit(
            court.authorization(client), "/oauth/authorize", decision="allow", organization="x"
        )
        shown_to_the_person(nowhere, "invalid_request")
        foreign = browser.submit(
            court.authorization(client),
            "/oauth/authorize",
            decision="allow",
            organization=str(court.theirs),
        )
        assert sent_to_client(foreign)["error"] == "access_denied"


# Refresh tokens.
async def test_a_refresh_token_belongs_to_its_client(court: Court) -> None:
    client, other = await court.client(), await court.client()
    public = await court.client(auth_method="none")
    told = court.exchange(client, await court.code(client)).json()
    token = told["refresh_token"]
    refused(court.refresh(other, token), "invalid_grant")
    form = {"grant_type": "refresh_token", "refresh_token": token}
    refused(court.token({**form, "client_id": str(public.id)}), "invalid_grant")
    refused(court.token({**form, "client_id": str(client.id)}), "invalid_client", 401)
    for wrong in (token + "x", token[:-1], told["access_token"], "x" * 5000):
        refused(court.refresh(client, wrong), "invalid_grant")
    refused(court.token({"grant_type": "refresh_token"}, client), "invalid_request")
    for scope in ("catalog:read rights:write", "members:manage", "no:such"):
        refused(court.refresh(client, token, scope=scope), "invalid_scope")
    assert court.refresh(client, token).status_code == 200


async def test_a_refresh_token_ends_with_its_time_its_grant_and_its_client(court: Court) -> None:
    client = await court.client()
    late, given_up, orphaned = [
        court.exchange(client, await court.code(client)).json()["refresh_token"] for _ in range(3)
    ]
    await court.pool.execute(
        "update refresh_token set expires_at = now() where token_hash = $1", hash_of(late)
    )
    refused(court.refresh(client, late), "invalid_grant")
    assert court.post("/oauth/revoke", {"token": given_up}, auth=client.basic).status_code == 200
    refused(court.refresh(client, given_up), "invalid_grant")
    await court.pool.execute("update client set revoked_at = now() where id = $1", client.id)
    refused(court.refresh(client, orphaned), "invalid_client", 401)


async def test_of_many_renewals_at_once_one_is_answered_and_all_is_over(court: Court) -> None:
    client = await court.client()
    token = court.exchange(client, await court.code(client)).json()["refresh_token"]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: court.refresh(client, token), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 5
    (first,) = [answer.json() for answer in answers if answer.status_code == 200]
    refused(court.refresh(client, first["refresh_token"]), "invalid_grant")
    assert court.wait_until_refused(first["access_token"]).status_code == 401


# The way through the log-in.
@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%09/evil.example",
        "/\t/evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.example",
        "/login\r\nLocation: https://evil.example",
        "/" + "x" * 5000,
    ],
)
async def test_the_log_in_leads_nowhere_else(court: Court, to: str) -> None:
    person = await court.person()
    with court.browser() as browser:
        answer = browser.submit(
            f"/login?next={quote(to, safe='')}",
            "/auth/login",
            email=person.email,
            password=person.password,
            next=to,
        )
        assert answer.status_code == 303
        location = answer.headers["location"]
        assert re.fullmatch(r"/[^/\\].*", location), location
        assert "evil.example" not in location.partition("?")[0].lstrip("/").split("/")[0]
