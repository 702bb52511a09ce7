"""A program for itself: from its credentials to an answer of the API."""

import os
import re
import shutil
import subprocess
import uuid
from typing import Any

import jwt
import orjson
import pytest

from api.keys import mint_token
from domain.access.scopes import Role
from domain.row import new_id
from tests.oauth.conftest import Court, Registered, refused
from tests.shared import CHECKOUT


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


async def test_from_registration_over_rotation_to_the_end(court: Court) -> None:
    """All over HTTP: an administrator registers a program, gives it a new secret, and ends it."""
    admin = mint_token(court.key, subject="ada", organization_id=court.ours, role=Role.ADMIN)

    def manage(path: str, body: dict[str, object]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {admin}", "Idempotency-Key": str(new_id())}
        answer = court.http.post(f"{court.url}/v1{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    made = manage("/clients", {"name": "Nightly", "scopes": ["catalog:read"]})
    client = Registered(uuid.UUID(made["clientId"]), made["secret"])
    token = court.own_token(client)
    assert court.ask(token, "{ releases(first: 1) { nodes { id } } }").status_code == 200
    newer = Registered(client.id, manage(f"/clients/{made['id']}/rotate-secret", {})["secret"])
    assert court.own_token(newer)
    manage(f"/clients/{made['id']}/revoke", {})
    refused(court.token({"grant_type": "client_credentials"}, newer), "invalid_client", 401)
    assert court.wait_until_refused(token).status_code == 401


@pytest.mark.skipif(shutil.which("curl") is None, reason="CURL ABSENT: the documented call was not tried")
async def test_the_documented_call_works(court: Court) -> None:
    client = await court.client()
    (block,) = re.findall(r"```sh\n(.*?)```", (CHECKOUT / "docs/oauth.md").read_text(), re.S)
    done = subprocess.run(
        ["sh", "-ec", block],
        env={
            "PATH": os.environ["PATH"],
            "CATALOGRAPH": court.url,
            "CLIENT_ID": str(client.id),
            "CLIENT_SECRET": client.secret,
        },
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert court.ask(orjson.loads(done.stdout)["access_token"]).status_code == 200
