"""A person allows a client to act for them: the page, the code, the tokens, their renewal and their end."""

import html
import re
import uuid
from urllib.parse import unquote_plus

import jwt
import pytest

from api.oauth.authorize import MEANINGS
from api.oauth.clients import IDENTITY, SCOPES
from tests.oauth.conftest import CALLBACK, Court, refused, sent_to_client


async def test_from_the_log_in_to_an_answer_of_the_api(court: Court) -> None:
    client = await court.client(name="Label <b>desk</b>", auth_method="none", scopes=("catalog:read",))
    person = await court.person()
    path = court.authorization(client, scope="openid email catalog:read", nonce="n-1")
    with court.browser() as browser:
        led = browser.get(path)
        assert led.status_code == 303
        assert led.headers["location"].startswith("/login?next=%2Foauth%2Fauthorize%3F")
        back = browser.submit(
            led.headers["location"], "/auth/login", email=person.email, password=person.password
        )
        assert sorted(re.split("[?&]", back.headers["location"])) == sorted(re.split("[?&]", path))

        shown = browser.get(path)
        assert shown.status_code == 200
        assert "Label &lt;b&gt;desk&lt;/b&gt;" in shown.text
        assert "a program of Ours" in shown.text
        assert "See the catalog" in shown.text
        policy = shown.headers["content-security-policy"]
        assert "form-action 'self' https://app.example;" in policy + ";"
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        sent = court.consent(browser, path)
    assert sent.keys() == {"kept", "code", "state"}
    assert sent["state"] == "a state"

    answer = court.token(
        {
            "grant_type": "authorization_code",
            "client_id": str(client.id),
            "code": sent["code"],
            "redirect_uri": CALLBACK,
            "code_verifier": "a-verifier-of-forty-three-characters-or-more.~",
        }
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["scope"] == "catalog:read email openid"
    assert court.ask(told["access_token"], "{ releases(first: 1) { nodes { id } } }").status_code == 200

    header = jwt.get_unverified_header(told["id_token"])
    claims = jwt.decode(told["id_token"], court.key.public, algorithms=["EdDSA"], audience=str(client.id))
    assert (header["kid"], header.get("typ")) == (court.key.kid, "JWT")
    assert (claims["iss"], claims["sub"], claims["nonce"]) == (court.url, str(person.id), "n-1")
    assert claims["email"] == person.email
    assert "name" not in claims
    assert claims["auth_time"] <= claims["iat"]

    who = court.http.get(
        f"{court.url}/oauth/userinfo", headers={"Authorization": f"Bearer {told['access_token']}"}
    )
    assert who.json() == {"sub": str(person.id), "org": str(court.ours), "email": person.email}


async def test_the_person_chooses_for_which_organization(court: Court) -> None:
    client = await court.client()
    browser, _ = await court.logged_in(court.ours, court.theirs)
    with browser:
        shown = browser.get(court.authorization(client)).text
        offered = dict(re.findall(r'<option value="([^"]+)"[^>]*>([^<]*)</option>', shown))
        assert offered == {str(court.ours): "Ours", str(court.theirs): "Theirs"}
        sent = court.consent(browser, court.authorization(client), organization=str(court.theirs))
        stranger = court.consent(browser, court.authorization(client), organization=str(uuid.uuid4()))
    claims = jwt.decode(
        court.exchange(client, sent["code"]).json()["access_token"], options={"verify_signature": False}
    )
    assert claims["org"] == str(court.theirs)
    assert stranger["error"] == "access_denied"


async def test_no_is_an_answer(court: Court) -> None:
    client = await court.client()
    browser, _ = await court.logged_in()
    with browser:
        sent = court.consent(browser, court.authorization(client), decision="deny")
    assert sent["error"] == "access_denied"
    assert sent["state"] == "a state"


async def test_a_token_has_no_scope_that_the_person_has_not(court: Court) -> None:
    client = await court.client(scopes=("catalog:read", "members:manage", "system:admin"), role="admin")
    asked = "catalog:read members:manage system:admin"
    told = court.exchange(client, await court.code(client, scope=asked)).json()
    assert told["scope"] == "catalog:read"
    told = court.exchange(client, await court.code(client, scope=asked, role="admin")).json()
    # The organization does not run this installation.
    assert told["scope"] == "catalog:read members:manage"


async def test_refresh_tokens_rotate_and_scopes_can_be_narrowed(court: Court) -> None:
    client = await court.client()
    first = court.exchange(client, await court.code(client, scope="catalog:read rights:read")).json()
    narrow = court.refresh(client, first["refresh_token"], scope="catalog:read").json()
    assert narrow["scope"] == "catalog:read"
    assert narrow["refresh_token"] != first["refresh_token"]
    again = court.refresh(client, narrow["refresh_token"]).json()
    assert again["scope"] == "catalog:read rights:read"
    assert court.ask(again["access_token"]).status_code == 200


async def test_a_refresh_token_that_comes_twice_ends_everything(court: Court) -> None:
    client = await court.client()
    first = court.exchange(client, await court.code(client)).json()
    second = court.refresh(client, first["refresh_token"]).json()
    assert court.ask(second["access_token"]).status_code == 200

    refused(court.refresh(client, first["refresh_token"]), "invalid_grant")
    refused(court.refresh(client, second["refresh_token"]), "invalid_grant")
    for token in (first["access_token"], second["access_token"]):
        assert court.wait_until_refused(token).json()["code"] == "INVALID_CREDENTIALS"


async def test_a_code_that_comes_twice_ends_everything(court: Court) -> None:
    client = await court.client()
    code = await court.code(client)
    first = court.exchange(client, code).json()
    refused(court.exchange(client, code), "invalid_grant")
    refused(court.refresh(client, first["refresh_token"]), "invalid_grant")
    assert court.wait_until_refused(first["access_token"]).json()["code"] == "INVALID_CREDENTIALS"


async def test_who_leaves_the_organization_gets_no_more_tokens(court: Court) -> None:
    client = await court.client()
    browser, person = await court.logged_in(court.ours, court.theirs)
    with browser:
        sent = court.consent(browser, court.authorization(client), organization=str(court.ours))
    told = court.exchange(client, sent["code"]).json()
    await court.pool.execute(
        "delete from member where user_id = $1 and organization_id = $2", person.id, court.ours
    )
    refused(court.refresh(client, told["refresh_token"]), "invalid_grant")


async def test_prompt_none_never_shows_a_page(court: Court) -> None:
    client = await court.client()
    path = court.authorization(client, prompt="none")
    with court.browser() as stranger:
        assert sent_to_client(stranger.get(path))["error"] == "login_required"
    browser, _ = await court.logged_in()
    with browser:
        assert sent_to_client(browser.get(path))["error"] == "consent_required"
        court.consent(browser, court.authorization(client))
        silent = sent_to_client(browser.get(path))
        assert court.exchange(client, silent["code"]).status_code == 200
        wider = court.authorization(client, prompt="none", scope="openid catalog:read rights:read")
        assert sent_to_client(browser.get(wider))["error"] == "consent_required"
        # Whoever listens on a port of this machine may be another program of the same name.
        native = await court.client(auth_method="none", redirect_uris=("http://127.0.0.1:7777/back",))
        asked = court.authorization(native)
        answer = browser.submit(asked, "/oauth/authorize", decision="allow")
        assert sent_to_client(answer, native.redirect_uri)["code"]
        answer = browser.get(court.authorization(native, prompt="none"))
        assert sent_to_client(answer, native.redirect_uri)["error"] == "consent_required"
        both = court.authorization(client, prompt="none login")
        assert sent_to_client(browser.get(both))["error"] == "invalid_request"


@pytest.mark.parametrize("more", [{"prompt": "login"}, {"max_age": "0"}])
async def test_a_client_can_have_the_person_log_in_again(court: Court, more: dict[str, str]) -> None:
    client = await court.client()
    browser, person = await court.logged_in()
    with browser:
        led = browser.get(court.authorization(client, **more))
        assert led.status_code == 303
        assert led.headers["location"].startswith("/login?next=")
        if "max_age" in more:
            return
        forged = browser.get(court.authorization(client, again="1.00", **more))
        assert forged.headers["location"].startswith("/login?next=")
        back = browser.submit(
            led.headers["location"], "/auth/login", email=person.email, password=person.password
        )
        assert "code" in court.consent(browser, back.headers["location"])


async def test_a_client_may_post_its_request(court: Court) -> None:
    client = await court.client()
    browser, _ = await court.logged_in()
    path = court.authorization(client)
    fields = dict(pair.split("=") for pair in path.partition("?")[2].split("&"))
    with browser:
        led = browser.send(
            "POST", "/oauth/authorize", data={name: unquote_plus(value) for name, value in fields.items()}
        )
        assert led.status_code == 303
        assert "code" in court.consent(browser, html.unescape(led.headers["location"]))


def test_every_scope_is_explained_to_people() -> None:
    assert set(MEANINGS) == {*SCOPES, *IDENTITY}
