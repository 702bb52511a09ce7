"""Clients and their keys by command: what may be registered, who may, and how a secret is told and ended."""

import asyncio
import base64
import hashlib
import json
import uuid
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from domain.access.client_metadata import jwks_of, redirect_uris_of
from domain.access.credentials import hash_of, prefix_of
from domain.access.scopes import Role
from domain.refusals import InputInvalid
from tests.access.callers import Caller, admin, operator, tenant
from tests.access.conftest import OURS, THEIRS, Office, becomes

CALLBACK = "https://app.example/callback"
PUBLIC = OKPKey.generate_key("Ed25519", {"kid": "one", "use": "sig"}).as_dict(private=False)

# An RSA key of 1,024 bits: its modulus is only looked at for its length.
SMALL = {
    "kty": "RSA",
    "e": "AQAB",
    "n": base64.urlsafe_b64encode((1 << 1023 | 1).to_bytes(128, "big")).rstrip(b"=").decode(),
}


async def column(office: Office, id: str, name: str) -> Any:
    """A column of a client's row."""
    (row,) = await office.pool.fetch(
        f"select {name} as x from client where encode('client:'::bytea || uuid_send(id), 'base64') = $1",
        id.replace("-", "+").replace("_", "/") + "=" * (-len(id) % 4),
    )
    return row["x"]


async def test_a_client_is_made_and_its_secret_is_told_once(office: Office) -> None:
    ada = admin(office)
    made = await ada.makes_client(redirectUris=[CALLBACK])

    assert made["secret"].startswith("cg_secret_")
    assert (made["role"], made["authMethod"], made["redirectUris"]) == (
        "api_user",
        "client_secret",
        [CALLBACK],
    )
    assert await column(office, made["id"], "secret_hash") == hash_of(made["secret"])
    shown = await ada.reads(f"/clients/{made['id']}")
    assert "secret" not in shown
    assert made["secret"] not in json.dumps(shown)


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ({"name": " "}, "VALIDATION_ERROR", "name has 0 characters"),
        ({"name": "x" * 201}, "VALIDATION_ERROR", "201"),
        ({"name": "a\nb\x00"}, "VALIDATION_ERROR", "printable"),
        ({"scopes": []}, "VALIDATION_ERROR", "no scope is given"),
        ({"scopes": ["catalog:eat"]}, "VALIDATION_ERROR", "catalog:eat"),
        ({"scopes": ["members:manage"]}, "VALIDATION_ERROR", "api_user can't hold members:manage"),
        ({"scopes": ["system:admin"], "role": "admin"}, "VALIDATION_ERROR", "can't hold system:admin"),
        ({"role": "emperor"}, "VALIDATION_ERROR", "emperor"),
        ({"authMethod": "password"}, "VALIDATION_ERROR", "client_secret"),
        ({"authMethod": "none"}, "VALIDATION_ERROR", "redirect address"),
        ({"authMethod": "private_key_jwt"}, "VALIDATION_ERROR", "jwks"),
        ({"jwks": {"keys": [PUBLIC]}}, "VALIDATION_ERROR", "goes with private_key_jwt"),
        ({"pointsPerMinute": 0}, "VALIDATION_ERROR", "points_per_minute is 0"),
        ({"secretHash": "0" * 64}, "VALIDATION_ERROR", "no field"),
    ],
)
async def test_a_bad_registration_is_refused(
    office: Office, given: dict[str, Any], code: str, told: str
) -> None:
    found, detail = await admin(office).refused(
        "POST", "/clients", **{"name": "x", "scopes": ["catalog:read"], **given}
    )
    assert (found, told in detail) == (code, True), detail


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/callback",
        "https://app.example/callback#x",
        "https://*.app.example/callback",
        "https://app.example/*",
        "https://user@app.example/",
        "https://app.example:/",
        "https://app.example\\@evil.example/",
        "https://app.example/a/../b",
        "https:///callback",
        "https:callback",
        "//app.example/callback",
        "/callback",
        "javascript:alert(1)",
        "com.example.app:/callback",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://10.0.0.1/callback",
        "https://app.example/call back",
        "https://app.example/\u00e9",
        "https://app.example/\n",
        "https://[::1/",
        "https://app.example:99999/",
        "",
        "https://app.example/" + "x" * 2000,
    ],
)
def test_a_redirect_address_that_is_not_exact_is_refused(uri: str) -> None:
    with pytest.raises(InputInvalid, match="redirect address") as refused:
        redirect_uris_of([CALLBACK, uri])
    assert refused.value.path == ("redirect_uris", 1)


@pytest.mark.parametrize(
    "uri",
    [
        CALLBACK,
        "https://app.example:8443/cb?x=1&y=%20",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:5000/",
        "http://[::1]:5000/cb",
        "http://localhost:3000/cb",
    ],
)
def test_an_exact_redirect_address_is_taken_letter_by_letter(uri: str) -> None:
    assert redirect_uris_of([uri, uri]) == [uri]


async def test_a_program_that_keeps_no_secret_gets_none(office: Office) -> None:
    made = await admin(office).makes_client(authMethod="none", redirectUris=[CALLBACK])
    assert made["secret"] is None
    code, _ = await admin(office).refused("PATCH", f"/clients/{made['id']}", redirectUris=[])
    assert code == "VALIDATION_ERROR"


def broken(**more: Any) -> dict[str, Any]:
    return {**PUBLIC, **more}


@pytest.mark.parametrize(
    ("jwks", "told"),
    [
        ({"keys": []}, "set of keys"),
        ([], "set of keys"),
        ("https://app.example/jwks.json", "set of keys"),
        ({"keys": [PUBLIC] * 11}, "set of keys"),
        ({"keys": ["x"]}, "no JSON object"),
        ({"keys": [OKPKey.generate_key("Ed25519").as_dict(private=True)]}, "private or secret"),
        ({"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}, "private or secret"),
        ({"keys": [OctKey.generate_key(256).as_dict(private=True)]}, "private or secret"),
        ({"keys": [{"kty": "oct"}]}, "'oct'"),
        ({"keys": [broken(crv="X25519")]}, "X25519"),
        ({"keys": [broken(use="enc")]}, "'enc'"),
        ({"keys": [broken(x="AA")]}, "can't be read"),
        ({"keys": [broken(x=None)]}, "key's x is no text"),
        ({"keys": [broken(kty=["OKP"])]}, "key's kty is no text"),
        ({"keys": [broken(kid="k" * 2001)]}, "key's kid is no text"),
        ({"keys": [broken(use={})]}, "key's use is no text"),
        ({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}, "can't be read"),
        ({"keys": [broken(x5u="https://evil.example")]}, "certificates"),
        ({"keys": [PUBLIC, PUBLIC]}, "kid of its own"),
        ({"keys": [SMALL]}, "1024 bits"),
    ],
)
def test_a_set_of_keys_that_is_not_public_is_refused(jwks: Any, told: str) -> None:
    with pytest.raises(InputInvalid, match=told) as refused:
        jwks_of(jwks)
    assert refused.value.path[0] == "jwks"


async def test_public_keys_of_every_kind_are_taken(office: Office) -> None:
    keys = [
        PUBLIC,
        ECKey.generate_key("P-256", {"kid": "two"}).as_dict(private=False),
        RSAKey.generate_key(2048, {"kid": "three"}).as_dict(private=False),
    ]
    keys[0] = {**keys[0], "note": "not kept"}
    made = await admin(office).makes_client(authMethod="private_key_jwt", jwks={"keys": keys})
    assert made["jwks"]["keys"][0] == PUBLIC
    assert [key["kid"] for key in made["jwks"]["keys"]] == ["one", "two", "three"]
    assert made["secret"] is None


# -- nobody gives more than they have ----------------------------------------------------------------------


async def test_a_narrow_credential_makes_no_wider_one(office: Office) -> None:
    narrow = admin(office, scopes=["clients:manage", "catalog:read"])
    code, told = await narrow.refused("POST", "/clients", name="x", scopes=["catalog:read", "rights:write"])
    assert (code, "rights:write" in told) == ("BEYOND_OWN_RIGHTS", True)
    wide = await admin(office).makes_client(redirectUris=[CALLBACK])
    key = f"/clients/{wide['id']}"
    for method, path, body in (
        ("POST", "/api-keys", {"clientId": wide["id"], "name": "k"}),
        ("POST", f"{key}/rotate-secret", {}),
        ("PATCH", key, {"redirectUris": ["https://evil.example/"]}),
        ("PATCH", key, {"scopes": ["catalog:write"]}),
    ):
        code, told = await narrow.refused(method, path, **body)
        assert code == "BEYOND_OWN_RIGHTS", (path, told)
    # What takes away, or says nothing of rights, it may.
    assert (await narrow.does("PATCH", key, name="Renamed"))["name"] == "Renamed"
    assert (await narrow.does("PATCH", key, scopes=["catalog:read"]))["scopes"] == ["catalog:read"]
    made = await narrow.does("POST", "/api-keys", clientId=wide["id"], name="k", scopes=["catalog:read"])
    assert made["scopes"] == ["catalog:read"]
    await narrow.does("POST", f"{key}/revoke")


@pytest.mark.parametrize("role", [Role.LABEL_USER, Role.API_USER, Role.SERVICE])
async def test_no_other_role_manages_clients(office: Office, role: Role) -> None:
    caller = Caller(office, office.token(OURS, role))
    code, _ = await caller.refused("POST", "/clients", name="x", scopes=["catalog:read"])
    assert code == "INSUFFICIENT_SCOPE"
    mine = await admin(office).makes_client()
    for path in (f"/clients/{mine['id']}/revoke", f"/clients/{mine['id']}/rotate-secret"):
        assert (await caller.refused("POST", path))[0] == "INSUFFICIENT_SCOPE"
    assert (await caller.refused("GET", "/clients"))[0] == "INSUFFICIENT_SCOPE"


async def test_a_client_of_another_organization_is_not_there(office: Office) -> None:
    theirs = await admin(office, THEIRS).makes_client()
    key = await admin(office, THEIRS).does("POST", "/api-keys", clientId=theirs["id"], name="k")
    for caller in (admin(office), operator(office)):
        for method, path, body in (
            ("GET", f"/clients/{theirs['id']}", {}),
            ("PATCH", f"/clients/{theirs['id']}", {"name": "x"}),
            ("POST", f"/clients/{theirs['id']}/revoke", {}),
            ("POST", f"/clients/{theirs['id']}/rotate-secret", {}),
            ("POST", "/api-keys", {"clientId": theirs["id"], "name": "k"}),
            ("GET", f"/api-keys/{key['id']}", {}),
            ("POST", f"/api-keys/{key['id']}/revoke", {}),
        ):
            code, _ = await caller.refused(method, path, **body)
            assert code == "NOT_FOUND", path


async def test_only_the_operators_administrators_hand_on_the_system(office: Office) -> None:
    made = await operator(office).makes_client(role="admin", scopes=["system:admin"])
    assert made["scopes"] == ["system:admin"]
    forged = Caller(office, office.token(OURS, Role.ADMIN, operator=True))
    code, told = await forged.refused("POST", "/clients", name="x", role="admin", scopes=["system:admin"])
    assert (code, "can't hold system:admin" in told) == ("VALIDATION_ERROR", True)


# -- keys --------------------------------------------------------------------------------------------------


async def test_a_key_works_until_it_is_revoked(office: Office) -> None:
    ada = admin(office)
    program = await ada.makes_client()
    made = await ada.does(
        "POST", "/api-keys", clientId=program["id"], name="ci", allowedAddresses=["127.0.0.0/8", "::1"]
    )
    assert prefix_of(made["secret"]) == made["prefix"]
    assert made["allowedAddresses"] == ["127.0.0.0/8", "::1/128"]
    assert made["scopes"] == program["scopes"]
    kept = await office.pool.fetchval("select hash from api_key where prefix = $1", made["prefix"])
    assert kept == hashlib.sha256(made["secret"].encode()).hexdigest()
    async with office.client(made["secret"]) as client:
        assert (await client.get("/v1/viewer")).status_code == 200
        ended = await ada.does("POST", f"/api-keys/{made['id']}/revoke")
        assert ended["revokedAt"]
        await becomes(client, 401)
    again = await ada.does("POST", f"/api-keys/{made['id']}/revoke")
    assert again["revokedAt"] == ended["revokedAt"]


async def test_two_keys_take_turns_and_a_third_is_refused(office: Office) -> None:
    ada = admin(office)
    program = await ada.makes_client()
    ask = {"clientId": program["id"], "name": "k"}
    first, second = await ada.does("POST", "/api-keys", **ask), await ada.does("POST", "/api-keys", **ask)
    code, told = await ada.refused("POST", "/api-keys", **ask)
    assert (code, "2 active keys" in told) == ("TOO_MANY_KEYS", True)
    for key in (first, second):
        async with office.client(key["secret"]) as client:
            assert (await client.get("/v1/viewer")).status_code == 200
    await ada.does("POST", f"/api-keys/{first['id']}/revoke")
    third = await ada.does("POST", "/api-keys", **ask)
    listed = (await ada.reads(f"/clients/{program['id']}?include=apiKeys"))["apiKeys"]
    assert [key["prefix"] for key in listed if not key["revokedAt"]] == [second["prefix"], third["prefix"]]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"scopes": ["rights:write"]}, "does not hold rights:write"),
        ({"scopes": []}, "no scope is given"),
        ({"allowedAddresses": ["127.0.0.1/8"]}, "127.0.0.0/8 will do"),
        ({"allowedAddresses": ["here"]}, "names no network"),
        ({"allowedAddresses": ["10.0.0.0/8"] * 51}, "at most 50"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "which is past"),
        ({"expiresAt": "2099-01-01T00:00:00"}, "no time zone"),
        ({"expiresAt": "9999-12-31T23:59:59-12:00"}, "at most 36500 days"),
        ({"name": ""}, "name has 0"),
    ],
)
async def test_a_bad_key_is_refused(office: Office, given: dict[str, Any], told: str) -> None:
    ada = admin(office)
    program = await ada.makes_client()
    code, detail = await ada.refused("POST", "/api-keys", **{"clientId": program["id"], "name": "k", **given})
    assert (code, told in detail) == ("VALIDATION_ERROR", True), detail


async def test_a_revoked_client_takes_its_keys_along(office: Office) -> None:
    ada = admin(office)
    program = await ada.makes_client()
    key = await ada.does("POST", "/api-keys", clientId=program["id"], name="k")
    async with office.client(key["secret"]) as client:
        assert (await client.get("/v1/viewer")).status_code == 200
        assert (await ada.does("POST", f"/clients/{program['id']}/revoke"))["revokedAt"]
        await becomes(client, 401)
    assert await column(office, program["id"], "secret_hash") is None
    assert (await ada.refused("POST", "/api-keys", clientId=program["id"], name="k"))[0] == "NOT_FOUND"
    assert (await ada.refused("PATCH", f"/clients/{program['id']}", name="x"))[0] == "NOT_FOUND"
    assert (await ada.does("POST", f"/clients/{program['id']}/revoke"))["revokedAt"]


async def test_a_narrowed_client_narrows_its_keys(office: Office) -> None:
    ada = admin(office)
    program = await ada.makes_client()
    key = await ada.does("POST", "/api-keys", clientId=program["id"], name="k")
    async with office.client(key["secret"]) as client:
        assert "catalog:write" in (await client.get("/v1/viewer")).json()["scopes"]
        await ada.does("PATCH", f"/clients/{program['id']}", scopes=["catalog:read"])
        for _ in range(100):  # five seconds, counted in questions
            if (scopes := (await client.get("/v1/viewer")).json()["scopes"]) == ["catalog:read"]:
                break
            await asyncio.sleep(0.05)
        assert scopes == ["catalog:read"]


# -- secrets -----------------------------------------------------------------------------------------------


async def test_a_rotated_secret_leaves_the_old_one_good_for_an_overlap(office: Office) -> None:
    ada = admin(office)
    made = await ada.makes_client()
    id = made["id"]
    told = await ada.does("POST", f"/clients/{id}/rotate-secret", overlapHours=2)
    assert told["secret"] != made["secret"]
    assert await column(office, id, "secret_hash") == hash_of(told["secret"])
    assert await column(office, id, "previous_secret_hash") == hash_of(made["secret"])
    assert told["previousSecretUntil"]

    last = await ada.does("POST", f"/clients/{id}/rotate-secret", overlapHours=0)
    assert last["previousSecretUntil"] is None
    assert await column(office, id, "previous_secret_hash") is None
    assert await column(office, id, "secret_hash") == hash_of(last["secret"])

    for hours in (-1, 169):
        code, _ = await ada.refused("POST", f"/clients/{id}/rotate-secret", overlapHours=hours)
        assert code == "VALIDATION_ERROR"
    public = await ada.makes_client(authMethod="none", redirectUris=[CALLBACK])
    assert (await ada.refused("POST", f"/clients/{public['id']}/rotate-secret"))[0] == "VALIDATION_ERROR"


async def test_a_repeated_call_gives_the_same_secret_and_makes_nothing_new(office: Office) -> None:
    organization = await tenant(office)
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = {"name": "once", "scopes": ["catalog:read"]}
    async with office.client(organization=organization) as client:
        first, second = [await client.post("/v1/clients", json=body, headers=headers) for _ in range(2)]
    assert first.content == second.content
    assert second.headers["idempotency-replayed"] == "true"
    kept = "select count(*) from client where organization_id = $1"
    assert await office.pool.fetchval(kept, organization) == 1
    kept = "select response from idempotency_key where key = $1"
    sealed = await office.pool.fetchval(kept, headers["Idempotency-Key"])
    assert first.json()["secret"].encode() not in sealed


async def test_the_trail_tells_what_changed_and_no_secret(office: Office) -> None:
    organization = await tenant(office)
    ada = admin(office, organization)
    program = await ada.makes_client()
    key = await ada.does("POST", "/api-keys", clientId=program["id"], name="k")
    rotated = await ada.does("POST", f"/clients/{program['id']}/rotate-secret")
    invited = await ada.does("POST", "/invitations", email="eve@example.org")
    rows = await office.pool.fetch(
        "select kind, op, class, diff::text as diff from change where owner_id = $1 order by seq",
        organization,
    )
    told = [(row["kind"], row["op"]) for row in rows]
    assert told == [
        ("client", "insert"),
        ("api_key", "insert"),
        ("client", "update"),
        ("invitation", "insert"),
    ]
    assert {row["class"] for row in rows} == {"operations"}
    whole = "".join(row["diff"] for row in rows)
    for secret in (program["secret"], key["secret"], rotated["secret"], invited["token"]):
        assert secret not in whole
        assert hash_of(secret) not in whole
    assert "eve@example.org" not in whole
    sets = (await ada.reads("/change-sets"))["items"]
    assert [one["command"] for one in sets][:2] == ["create_client", "create_api_key"]
    code, _ = await ada.refused("POST", f"/change-sets/{sets[0]['id']}/revert")
    assert code == "REVERT_CONFLICT"
