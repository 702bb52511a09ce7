"""Clients that are not who they say: at the token endpoint, and where tokens are revoked or looked into."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey, OKPKey

from api.oauth.asked import ASSERTION_TYPE, LARGEST_FORM
from domain.access.credentials import hash_of
from tests.oauth.conftest import Court, Registered, refused

OWN = {"grant_type": "client_credentials"}


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


async def test_a_client_must_prove_itself(court: Court) -> None:
    client, other = await court.client(), await court.client()
    id = str(client.id)
    for headers in (
        basic(id, "wrong"),
        basic(id, other.secret),
        basic(id, hash_of(client.secret)),  # what the database holds opens nothing
        basic(id, ""),
        basic("", client.secret),
        basic(id.upper(), client.secret),
        basic("' or 1=1 --", client.secret),
        basic("00000000-0000-0000-0000-000000000000", client.secret),
        basic(f"{id}\0", client.secret),
        {"Authorization": "Basic not-base64!"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()},
        {"Authorization": "Basic"},
        {"Authorization": f"Bearer {client.secret}"},
    ):
        refused(court.token(OWN, headers=headers), "invalid_client", 401)
    for form in (
        {},
        {"client_id": id},
        {"client_id": id, "client_secret": "wrong"},
        {"client_id": id, "client_secret": client.secret + " "},
        {"client_secret": client.secret},
    ):
        refused(court.token({**OWN, **form}), "invalid_client", 401)
    assert court.own_token(client)


async def test_a_client_proves_itself_in_one_way(court: Court) -> None:
    client, other = await court.client(), await court.client()
    twice = {**OWN, "client_id": str(client.id), "client_secret": client.secret}
    refused(court.token(twice, client), "invalid_request")
    refused(court.token({**OWN, "client_id": str(other.id)}, client), "invalid_client", 401)
    assert court.token({**OWN, "client_id": str(client.id)}, client).status_code == 200
    query = court.http.post(
        f"{court.url}/oauth/token?client_id={client.id}&client_secret={client.secret}", data=OWN
    )
    refused(query, "invalid_client", 401)


async def test_a_public_client_has_nothing_of_its_own(court: Court) -> None:
    public = await court.client(auth_method="none")
    refused(court.token({**OWN, "client_id": str(public.id)}), "invalid_client", 401)
    refused(court.token(OWN, public), "invalid_client", 401)
    token = {"token": court.own_token(await court.client())}
    refused(court.post("/oauth/introspect", {**token, "client_id": str(public.id)}), "invalid_client", 401)


async def test_a_request_is_a_form_with_each_parameter_once(court: Court) -> None:
    client = await court.client()
    url, auth = f"{court.url}/oauth/token", client.basic
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    refused(court.http.post(url, json=OWN, auth=auth), "invalid_request")
    for body in (
        b"grant_type=client_credentials&grant_type=client_credentials",
        b"grant_type=client_credentials&scope=a&scope=b",
        b"grant_type=%ff",
        b"grant_type=\xc3\xa9",
        b"grant_type=client_credentials&scope=a%00b",
        b'grant_type=client_credentials&scope="',
        b"&".join(b"a%d=1" % n for n in range(100)),
    ):
        refused(court.http.post(url, content=body, headers=form, auth=auth), "invalid_request")
    large = b"a=" + b"x" * LARGEST_FORM
    assert court.http.post(url, content=large, headers=form, auth=auth).status_code == 413
    assert court.http.get(url).status_code == 405


@pytest.mark.parametrize("kind", ["password", "implicit", "refresh", "CLIENT_CREDENTIALS", "", None])
async def test_there_are_three_grants(court: Court, kind: str | None) -> None:
    client = await court.client()
    form = {"username": "ada", "password": "secret"} | ({"grant_type": kind} if kind is not None else {})
    refused(court.token(form, client), "unsupported_grant_type")


class Signing:
    """A client that signs assertions, and the key that it signs them with."""

    def __init__(self, court: Court, client: Registered, key: OKPKey) -> None:
        self.court, self.client, self.key = court, client, key

    def assertion(
        self, *, key: Any = None, alg: str = "EdDSA", headers: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """An assertion; None leaves a claim out."""
        now = int(time.time())
        whole = {
            "iss": str(self.client.id),
            "sub": str(self.client.id),
            "aud": self.court.url,
            "iat": now,
            "exp": now + 60,
            "jti": str(time.monotonic_ns()),
            **claims,
        }
        said = {name: value for name, value in whole.items() if value is not None}
        # By hand: PyJWT refuses to write some of what is to be refused.
        signer: Any = key or self.key.private_key
        return jwt.api_jws.encode(json.dumps(said).encode(), signer, algorithm=alg, headers=headers)

    def send(self, assertion: str, **more: str) -> Any:
        """Ask for a token with it."""
        form = {**OWN, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion, **more}
        return self.court.token(form)


@pytest.fixture
async def signing(court: Court) -> Signing:
    key = OKPKey.generate_key("Ed25519")
    jwks = {"keys": [key.as_dict(private=False)]}
    return Signing(court, await court.client(auth_method="private_key_jwt", jwks=jwks), key)


async def test_an_assertion_is_good_once(signing: Signing) -> None:
    for audience in (signing.court.url, f"{signing.court.url}/oauth/token", [signing.court.url]):
        good = signing.assertion(aud=audience)
        assert signing.send(good).status_code == 200, audience
        assert "used before" in refused(signing.send(good), "invalid_client", 401)


async def test_one_of_many_copies_at_once_is_taken(signing: Signing) -> None:
    good = signing.assertion()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: signing.send(good).status_code, range(8)))
    assert sorted(answers) == [200] + [401] * 7


async def test_an_assertion_of_a_failed_request_is_spent(signing: Signing) -> None:
    good = signing.assertion()
    refused(signing.send(good, scope="no:such"), "invalid_scope")
    refused(signing.send(good), "invalid_client", 401)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://evil.example"},
        {"aud": ["ours", "https://evil.example"]},
        {"aud": None},
        {"aud": ""},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"exp": int(time.time()) + 7 * 86400},
        {"exp": "soon"},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"nbf": int(time.time()) + 600},
        {"iat": int(time.time()) + 600},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 300},
        {"jti": "a\0b"},
        {"jti": ["a"]},
        {"iss": "somebody-else"},
        {"iss": None},
        {"sub": None},
        {"sub": "somebody-else"},
        {"sub": ["a"]},
    ],
    ids="-".join,
)
async def test_an_assertion_says_what_it_must(signing: Signing, claims: dict[str, Any]) -> None:
    if claims.get("aud") == ["ours", "https://evil.example"]:
        claims = {"aud": [signing.court.url, "https://evil.example"]}
    refused(signing.send(signing.assertion(**claims)), "invalid_client", 401)


async def test_an_assertion_is_signed_by_the_registered_key(signing: Signing) -> None:
    other = OKPKey.generate_key("Ed25519")
    curve = ec.generate_private_key(ec.SECP256R1())
    public = signing.key.as_dict(private=False)
    for bad in (
        signing.assertion(key=other.private_key),
        signing.assertion(key=curve, alg="ES256"),
        signing.assertion(key=str(public["x"]).encode(), alg="HS256"),
        signing.assertion(key=other.private_key, headers={"jwk": other.as_dict(private=False)}),
        signing.assertion(key=other.private_key, headers={"jku": "https://evil.example/jwks.json"}),
        signing.assertion(headers={"typ": "at+jwt"}),
        signing.assertion(headers={"crit": ["b64"], "b64": False}),
        signing.assertion()[:-8],
        jwt.encode({"sub": str(signing.client.id)}, "", algorithm="none"),
        "a.b.c",
        "...",
        "x" * 9000,
    ):
        refused(signing.send(bad), "invalid_client", 401)
    refused(signing.send(signing.assertion(), client_assertion_type="urn:other"), "invalid_client", 401)
    refused(signing.send(signing.assertion(), client_id="another"), "invalid_client", 401)
    refused(signing.send(signing.assertion(), client_secret="x"), "invalid_request")


async def test_each_client_keeps_to_its_method(court: Court, signing: Signing) -> None:
    by_secret = await court.client(jwks={"keys": [signing.key.as_dict(private=False)]})
    id = str(by_secret.id)
    refused(signing.send(signing.assertion(iss=id, sub=id)), "invalid_client", 401)
    refused(court.token(OWN, headers=basic(str(signing.client.id), "x")), "invalid_client", 401)
    refused(court.token({**OWN, "client_id": str(signing.client.id)}), "invalid_client", 401)


async def test_other_curves_sign_too(court: Court) -> None:
    key = ECKey.generate_key("P-256")
    client = await court.client(auth_method="private_key_jwt", jwks={"keys": [key.as_dict(private=False)]})
    made = Signing(court, client, key)  # type: ignore[arg-type]
    assert made.send(made.assertion(alg="ES256")).status_code == 200


@pytest.mark.parametrize("jwks", [{"keys": []}, {"keys": [{"kty": "odd"}]}, {"keys": "none"}, {"a": 1}])
async def test_keys_that_can_not_be_read_let_nobody_in(court: Court, jwks: dict[str, Any]) -> None:
    key = OKPKey.generate_key("Ed25519")
    made = Signing(court, await court.client(auth_method="private_key_jwt", jwks=jwks), key)
    refused(made.send(made.assertion()), "invalid_client", 401)


async def test_another_clients_token_is_not_revoked(court: Court) -> None:
    client, other = await court.client(), await court.client()
    told = court.exchange(client, await court.code(client)).json()
    for name in ("access_token", "refresh_token"):
        refused(court.post("/oauth/revoke", {"token": told[name]}, auth=other.basic), "invalid_grant")
    renewed = court.refresh(client, told["refresh_token"])
    assert renewed.status_code == 200


async def test_revoking_what_there_is_not_is_no_mistake(court: Court) -> None:
    client = await court.client()
    for token in ("unknown", "a.b.c"):
        answer = court.post("/oauth/revoke", {"token": token, "token_type_hint": "odd"}, auth=client.basic)
        assert answer.status_code == 200
    for path in ("/oauth/revoke", "/oauth/introspect"):
        refused(court.post(path, auth=client.basic), "invalid_request")
        refused(court.post(path, {"token": "x"}), "invalid_client", 401)


async def test_an_access_token_can_be_given_up_alone(court: Court) -> None:
    client = await court.client()
    told = court.exchange(client, await court.code(client)).json()
    assert court.post("/oauth/revoke", {"token": told["access_token"]}, auth=client.basic).status_code == 200
    assert court.wait_until_refused(told["access_token"]).status_code == 401
    assert court.refresh(client, told["refresh_token"]).status_code == 200


async def test_another_organizations_tokens_can_not_be_looked_into(court: Court) -> None:
    client = await court.client()
    stranger = await court.client(organization=court.theirs)
    told = court.exchange(client, await court.code(client)).json()
    for token in (told["access_token"], told["refresh_token"], court.own_token(client)):
        about = court.post("/oauth/introspect", {"token": token}, auth=stranger.basic)
        assert about.json() == {"active": False}
        assert court.post("/oauth/introspect", {"token": token}, auth=client.basic).json()["active"]


async def test_who_somebody_is_is_told_to_whom_they_allowed_it(court: Court) -> None:
    client = await court.client()
    told = court.exchange(client, await court.code(client, scope="catalog:read")).json()
    assert "id_token" not in told
    for token in (told["access_token"], court.own_token(client)):
        answer = court.http.get(f"{court.url}/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
        assert 'scope="openid"' in answer.headers["www-authenticate"]
    assert court.http.get(f"{court.url}/oauth/userinfo").status_code == 401
