"""A program for itself: from its credentials to an answer of the API."""

import jwt

from tests.oauth.conftest import Court, refused


async def test_a_secret_becomes_a_token_and_the_token_an_answer(court: Court) -> None:
    client = await court.client()
    answer = court.token({"grant_type": "client_credentials"}, client)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert {name: told[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "catalog:read rights:read",
    }
    assert "refresh_token" not in told

    header = jwt.get_unverified_header(told["access_token"])
    claims = jwt.decode(told["access_token"], options={"verify_signature": False})
    assert (header["typ"], header["alg"], header["kid"]) == ("at+jwt", "EdDSA", court.key.kid)
    assert (claims["iss"], claims["aud"]) == (court.url, "catalograph")
    assert claims["sub"] == claims["client_id"] == str(client.id)
    assert claims["exp"] - claims["iat"] <= 900
    assert claims["org"] == str(court.ours)

    found = court.ask(told["access_token"], "{ releases(first: 1) { nodes { id } } }")
    assert found.status_code == 200, found.text
    assert found.json()["data"] == {"releases": {"nodes": []}}


async def test_the_secret_may_stand_in_the_form(court: Court) -> None:
    client = await court.client()
    form = {
        "grant_type": "client_credentials",
        "client_id": str(client.id),
        "client_secret": client.secret,
        "scope": "catalog:read",
    }
    assert court.token(form).json()["scope"] == "catalog:read"


async def test_what_is_granted_is_asked_for_and_registered_and_allowed_by_the_role(court: Court) -> None:
    client = await court.client(scopes=("catalog:read", "members:manage"), role="service")
    asked = {"grant_type": "client_credentials", "scope": "members:manage catalog:read rights:read"}
    assert court.token(asked, client).json()["scope"] == "catalog:read"
    refused(court.token({**asked, "scope": "members:manage"}, client), "invalid_scope")
    refused(court.token({**asked, "scope": "catalog:read no:such"}, client), "invalid_scope")
    refused(court.token({**asked, "scope": "openid"}, client), "invalid_scope")


async def test_a_revoked_client_gets_nothing(court: Court) -> None:
    client = await court.client()
    await court.pool.execute("update client set revoked_at = now() where id = $1", client.id)
    refused(court.token({"grant_type": "client_credentials"}, client), "invalid_client", 401)


async def test_both_secrets_are_good_while_one_follows_the_other(court: Court) -> None:
    client = await court.client()
    await court.pool.execute(
        "update client set previous_secret_hash = secret_hash, secret_hash = 'x', "
        "previous_secret_until = now() + interval '1 hour' where id = $1",
        client.id,
    )
    assert court.own_token(client)
    await court.pool.execute("update client set previous_secret_until = now() where id = $1", client.id)
    refused(court.token({"grant_type": "client_credentials"}, client), "invalid_client", 401)
