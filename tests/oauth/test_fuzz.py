"""Whatever is sent, it is answered: never with a fault, never with a redirect to where nobody registered."""

import asyncio
import base64
from typing import Any
from urllib.parse import urlencode

import httpx2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oauth.conftest import CALLBACK, VERIFIER, Court, Registered, challenge

NAMES = [
    "grant_type",
    "response_type",
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code",
    "code_verifier",
    "code_challenge",
    "code_challenge_method",
    "refresh_token",
    "token",
    "token_type_hint",
    "prompt",
    "max_age",
    "again",
    "request",
    "response_mode",
    "client_assertion",
    "client_assertion_type",
    "decision",
    "organization",
    "csrf",
    "username",
    "password",
]
EXAMPLES = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def values(client: Registered) -> st.SearchStrategy[str]:
    """Values that mean something somewhere, and values that mean nothing."""
    return st.one_of(
        st.sampled_from(
            [
                str(client.id),
                client.secret,
                CALLBACK,
                VERIFIER,
                challenge(VERIFIER),
                "S256",
                "plain",
                "code",
                "token",
                "authorization_code",
                "refresh_token",
                "client_credentials",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "openid catalog:read",
                "none",
                "login",
                "0",
                "e30.e30.",
                "eyJhbGciOiJub25lIn0.eyJzdWIiOjF9.",
                "allow",
            ]
        ),
        st.text(max_size=30),
        st.text(alphabet='"\\%\0\r\n;&=+<>é\u202e', max_size=12),
    )


def forms(client: Registered) -> st.SearchStrategy[list[tuple[str, str]]]:
    return st.lists(
        st.tuples(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), values(client)), max_size=14
    )


def answered(answer: httpx2.Response) -> None:
    assert answer.status_code < 500, answer.text
    location = answer.headers.get("location", "")
    assert not location or location.startswith((CALLBACK, "/login?next=", "/oauth/authorize?")), location
    if answer.status_code == 401:
        assert answer.json()["error"] == "invalid_client"
        assert answer.headers["www-authenticate"].startswith('Basic realm="catalograph"')


def tried(court: Court, client: Registered, attempt: Any) -> None:
    given(forms(client))(EXAMPLES(attempt))()


async def test_any_form_at_the_token_endpoints(court: Court) -> None:
    client = await court.client()

    def attempt(fields: list[tuple[str, str]]) -> None:
        body = urlencode(fields, errors="surrogatepass")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect"):
            answered(court.http.post(court.url + path, content=body, headers=headers))
            answered(court.http.post(court.url + path, content=body, headers=headers, auth=client.basic))

    await asyncio.to_thread(tried, court, client, attempt)


async def test_any_query_at_the_authorization_endpoint(court: Court) -> None:
    client = await court.client()
    browser, _ = await court.logged_in()
    valid = dict(pair.split("=", 1) for pair in court.authorization(client).partition("?")[2].split("&"))

    def attempt(fields: list[tuple[str, str]]) -> None:
        changed = {name for name, _ in fields}
        kept = [f"{name}={value}" for name, value in valid.items() if name not in changed]
        for query in (
            urlencode(fields, errors="surrogatepass"),
            "&".join([*kept, urlencode(fields, errors="surrogatepass")]),
        ):
            answered(browser.get(f"/oauth/authorize?{query}"))

    with browser:
        await asyncio.to_thread(tried, court, client, attempt)


async def test_any_authorization_header(court: Court) -> None:
    client = await court.client()

    @given(
        st.one_of(
            st.binary(min_size=1, max_size=40),
            st.text(alphabet=":=%+ abcÿ", min_size=1, max_size=20).map(str.encode),
        )
    )
    @EXAMPLES
    def attempt(raw: bytes) -> None:
        header = b"Basic " + base64.b64encode(raw)
        answered(
            court.http.post(
                f"{court.url}/oauth/token",
                data={"grant_type": "client_credentials"},
                headers={b"Authorization": header},
            )
        )

    assert court.own_token(client)
    await asyncio.to_thread(attempt)
