"""A certified client library, openid-client of npm, meets the server."""

import json
from pathlib import Path

from joserfc.jwk import OKPKey

from tests.node import run_node
from tests.oauth.conftest import Court


async def test_openid_client_gets_along(court: Court) -> None:
    key = OKPKey.generate_key("Ed25519")
    client = await court.client(redirect_uris=("https://app.example/callback",))
    signing = await court.client(
        auth_method="private_key_jwt", jwks={"keys": [key.as_dict(private=False)]}, redirect_uris=()
    )
    person = await court.person()
    given = {
        "issuer": court.url,
        "client_id": str(client.id),
        "client_secret": client.secret,
        "redirect_uri": client.redirect_uri,
        "email": person.email,
        "password": person.password,
        "assertion_client_id": str(signing.id),
        "private_jwk": key.as_dict(private=True),
    }
    done = run_node(Path(__file__).with_name("client.mjs"), json.dumps(given))
    assert done.returncode == 0, done.stderr
    steps = json.loads(done.stdout)

    assert steps["discovery"] == {"issuer": court.url, "pkce": True}
    assert steps["code"]["scope"] == "catalog:read email openid profile"
    assert steps["code"]["expires_in"] == 900
    assert steps["code"]["claims"]["sub"] == str(person.id)
    about = {"sub": str(person.id), "org": str(court.ours), "name": "Ada", "email": person.email}
    assert steps["userinfo"] == about
    assert steps["asked"] == 200
    assert steps["refresh"] == {"rotated": True, "scope": steps["code"]["scope"], "asked": 200}

    before, after = steps["introspection"], steps["revocation"]
    assert before["access"]["active"]
    assert before["access"]["sub"] == str(person.id)
    assert before["access"]["token_type"] == "Bearer"
    assert before["refresh"]["active"]
    assert before["spent"] == {"active": False}
    assert after["access"] == after["refresh"] == {"active": False}
    assert after["renewal"] == "invalid_grant"
    assert steps["asked_after"] == 401

    assert steps["client_credentials"] == {"scope": "catalog:read", "asked": 200}
    assert steps["private_key_jwt"] == {"scope": "catalog:read rights:read", "asked": 200}
