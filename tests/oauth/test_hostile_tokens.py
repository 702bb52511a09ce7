"""Tokens that somebody would like to be taken: every one is refused, at every door, with the same code."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api.keys import ensure_keys
from domain.access.revocation import revoke
from tests.oauth.conftest import Court, Registered


@dataclass(frozen=True)
class Loot:
    """What a thief may have: everything that was handed to clients, but no key."""

    access: str
    id_token: str
    refresh: str
    code: str
    client: Registered

    @property
    def parts(self) -> list[str]:
        return self.access.split(".")

    @property
    def claims(self) -> dict[str, Any]:
        return jwt.decode(self.access, options={"verify_signature": False})


@pytest.fixture(scope="session")
async def loot(court: Court) -> Loot:
    client = await court.client()
    told = court.exchange(client, await court.code(client)).json()
    unused = await court.code(client)
    return Loot(told["access_token"], told["id_token"], told["refresh_token"], unused, client)


Make = Callable[[Court, Loot], str]
CASES: dict[str, Make] = {}


def case(name: str) -> Callable[[Make], Make]:
    def keep(make: Make) -> Make:
        assert name not in CASES
        CASES[name] = make
        return make

    return keep


def b64(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def signed_raw(court: Court, header: bytes, payload: bytes) -> str:
    """Our own signature over any bytes: what is refused then is refused for what it says."""
    text = f"{b64(header)}.{b64(payload)}"
    return f"{text}.{b64(court.key.private.sign(text.encode()))}"


def signed(
    court: Court, loot: Loot, header: dict[str, Any] | None = None, drop: str = "", **claims: Any
) -> str:
    """A token of ours, with other headers or claims."""
    whole = {"alg": "EdDSA", "kid": court.key.kid, "typ": "at+jwt", **(header or {})}
    said = {**loot.claims, **claims}
    said.pop(drop, None)
    kept = {name: value for name, value in whole.items() if value is not ...}
    return signed_raw(court, json.dumps(kept).encode(), json.dumps(said).encode())


def self_signed(court: Court, loot: Loot, key: Any, alg: str, **header: Any) -> str:
    return jwt.encode(
        loot.claims, key, algorithm=alg, headers={"typ": "at+jwt", "kid": court.key.kid, **header}
    )


# The algorithm.
for _name in ("none", "None", "nOnE", "NONE", ""):

    @case(f"alg {_name!r}, unsigned")
    def _(court: Court, loot: Loot, alg: str = _name) -> str:
        return f"{b64({'alg': alg, 'typ': 'at+jwt', 'kid': court.key.kid})}.{loot.parts[1]}."


@case("alg none with a good signature")
def _(court: Court, loot: Loot) -> str:
    return signed(court, loot, {"alg": "none"})


@case("no alg at all")
def _(court: Court, loot: Loot) -> str:
    return signed(court, loot, {"alg": ...})


@case("HS256 keyed with the public key")
def _(court: Court, loot: Loot) -> str:
    raw = court.key.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return self_signed(court, loot, raw, "HS256")


@case("HS256 keyed with the public key as PEM")
def _(court: Court, loot: Loot) -> str:
    pem = court.key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text = f"{b64({'alg': 'HS256', 'typ': 'at+jwt', 'kid': court.key.kid})}.{loot.parts[1]}"
    return f"{text}.{b64(hmac.digest(pem, text.encode(), hashlib.sha256))}"


@case("HS256 keyed with the published x")
def _(court: Court, loot: Loot) -> str:
    return self_signed(court, loot, court.key.jwk["x"], "HS256")


@case("HS512 keyed with the kid")
def _(court: Court, loot: Loot) -> str:
    return self_signed(court, loot, (court.key.kid * 2)[:64], "HS512")


@case("ES256 with a key of one's own")
def _(court: Court, loot: Loot) -> str:
    return self_signed(court, loot, ec.generate_private_key(ec.SECP256R1()), "ES256")


@case("RS256 with a key of one's own")
def _(court: Court, loot: Loot) -> str:
    return self_signed(court, loot, rsa.generate_private_key(65537, 2048), "RS256")


@case("the right signature under another name of the algorithm")
def _(court: Court, loot: Loot) -> str:
    return signed(court, loot, {"alg": "Ed25519"})


# The key.
@case("another Ed25519 key under our kid")
def _(court: Court, loot: Loot) -> str:
    return self_signed(court, loot, Ed25519PrivateKey.generate(), "EdDSA")


@case("another server's key under its own kid")
def _(court: Court, loot: Loot) -> str:
    return self_signed(court, loot, Ed25519PrivateKey.generate(), "EdDSA", kid="another-server")


for _kid in (
    ...,
    None,
    "",
    "unknown",
    7,
    ["a"],
    {"a": 1},
    True,
    "../../../../dev/null",
    "keys/first.pem",
    "' or 1=1 --",
    "x" * 4000,
    "\u0000",
):

    @case(f"kid {str(_kid)[:30]!r}")
    def _(court: Court, loot: Loot, kid: Any = _kid) -> str:
        return signed(court, loot, {"kid": kid})


@case("the kid of our next key over the signature of this one")
def _(court: Court, loot: Loot) -> str:
    return signed(court, loot, {"kid": ensure_keys(court.settings.state_folder / "keys")[1].kid})


for _more in (
    {"jku": "https://evil.example/jwks.json"},
    {"x5u": "https://evil.example/cert.pem"},
    {"x5c": ["MIIB"]},
    {"crit": ["exp"]},
    {"b64": False},
    {"zip": "DEF"},
    {"cty": "JWT"},
):

    @case(f"a header with {next(iter(_more))}")
    def _(court: Court, loot: Loot, more: dict[str, Any] = _more) -> str:
        return signed(court, loot, more)


@case("a key brought along in jwk")
def _(court: Court, loot: Loot) -> str:
    own = Ed25519PrivateKey.generate()
    x = b64(own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    return self_signed(court, loot, own, "EdDSA", jwk={"kty": "OKP", "crv": "Ed25519", "x": x})


# The type.
for _typ in (..., "JWT", "id+jwt", "logout+jwt", "at+jwtx", 1, None, "secevent+jwt"):

    @case(f"typ {_typ!r}")
    def _(court: Court, loot: Loot, typ: Any = _typ) -> str:
        return signed(court, loot, {"typ": typ})


# The claims, under our own signature.
for _claim in ("exp", "iat", "iss", "aud", "sub", "client_id", "jti", "org", "role", "tier", "scope"):

    @case(f"no {_claim}")
    def _(court: Court, loot: Loot, claim: str = _claim) -> str:
        return signed(court, loot, drop=claim)


for _said in (
    {"aud": "another-api"},
    {"aud": ["catalograph", "another-api"]},
    {"aud": ["catalograph"]},
    {"aud": ""},
    {"aud": None},
    {"iss": "https://evil.example"},
    {"iss": "catalograph/"},
    {"iss": ["catalograph"]},
    {"iss": None},
    {"exp": 0},
    {"exp": "tomorrow"},
    {"exp": None},
    {"exp": -1e308},
    {"exp": {"a": 1}},
    {"iat": "now"},
    {"iat": None},
    {"iat": float("nan")},
    {"iat": True},
    {"role": "emperor"},
    {"org": "not-a-uuid"},
    {"org": None},
    {"sub": 7},
    {"scope": ["system:admin"]},
    {"jti": 7},
    {"tier": None},
):

    @case(f"claims with {_said}")
    def _(court: Court, loot: Loot, said: dict[str, Any] = _said) -> str:
        return signed(court, loot, **said)


@case("expired a second ago")
def _(court: Court, loot: Loot) -> str:
    return signed(court, loot, iat=time.time() - 900, exp=int(time.time()) - 1)


@case("not valid yet")
def _(court: Court, loot: Loot) -> str:
    return signed(court, loot, nbf=int(time.time()) + 300)


@case("issued in the future")
def _(court: Court, loot: Loot) -> str:
    return signed(court, loot, iat=int(time.time()) + 300)


@case("this address with a slash as issuer")
def _(court: Court, loot: Loot) -> str:
    return signed(court, loot, iss=f"{court.url}/")


@case("scope said twice in the claims")
def _(court: Court, loot: Loot) -> str:
    said = json.dumps(loot.claims)[:-1] + ',"scope":"system:admin"}'
    header = {"alg": "EdDSA", "kid": court.key.kid, "typ": "at+jwt"}
    return signed_raw(court, json.dumps(header).encode(), said.encode())


@case("alg said twice in the header")
def _(court: Court, loot: Loot) -> str:
    header = f'{{"alg":"none","typ":"at+jwt","kid":"{court.key.kid}","alg":"EdDSA"}}'
    return signed_raw(court, header.encode(), unb64(loot.parts[1]))


@case("claims that are a list")
def _(court: Court, loot: Loot) -> str:
    header = {"alg": "EdDSA", "kid": court.key.kid, "typ": "at+jwt"}
    return signed_raw(court, json.dumps(header).encode(), b"[1]")


@case("claims nested ten thousand deep")
def _(court: Court, loot: Loot) -> str:
    header = {"alg": "EdDSA", "kid": court.key.kid, "typ": "at+jwt"}
    return signed_raw(court, json.dumps(header).encode(), b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}")


# The signature and the shape.
@case("a truncated signature")
def _(court: Court, loot: Loot) -> str:
    return loot.access[:-10]


@case("an empty signature")
def _(court: Court, loot: Loot) -> str:
    return ".".join([*loot.parts[:2], ""])


@case("one bit of the signature turned")
def _(court: Court, loot: Loot) -> str:
    raw = bytearray(unb64(loot.parts[2]))
    raw[5] ^= 1
    return ".".join([*loot.parts[:2], b64(bytes(raw))])


@case("the signature of another token")
def _(court: Court, loot: Loot) -> str:
    return ".".join([*loot.parts[:2], loot.id_token.split(".")[2]])


@case("a wider scope under the old signature")
def _(court: Court, loot: Loot) -> str:
    return ".".join([loot.parts[0], b64({**loot.claims, "scope": "system:admin"}), loot.parts[2]])


@case("another organization under the old signature")
def _(court: Court, loot: Loot) -> str:
    return ".".join([loot.parts[0], b64({**loot.claims, "org": str(court.theirs)}), loot.parts[2]])


@case("the signature written in another way")
def _(court: Court, loot: Loot) -> str:
    # 64 bytes leave four bits of the last character unused.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return loot.access[:-1] + alphabet[alphabet.index(loot.access[-1]) + 1]


@case("padding after the signature")
def _(court: Court, loot: Loot) -> str:
    return loot.access + "=="


@case("a line break inside")
def _(court: Court, loot: Loot) -> str:
    return loot.access[:40] + " " + loot.access[40:]


for _shape in ("a", "a.b", "a.b.c.d", "..", "a..c", "a.b.c.d.e"):

    @case(f"the shape {_shape}")
    def _(court: Court, loot: Loot, shape: str = _shape) -> str:
        return shape


@case("a token as long as a book")
def _(court: Court, loot: Loot) -> str:
    return signed(court, loot, more="x" * 20_000)


# Other things that are no access tokens.
@case("an id token")
def _(court: Court, loot: Loot) -> str:
    return loot.id_token


@case("a refresh token")
def _(court: Court, loot: Loot) -> str:
    return loot.refresh


@case("an authorization code")
def _(court: Court, loot: Loot) -> str:
    return loot.code


@case("a client's secret")
def _(court: Court, loot: Loot) -> str:
    return loot.client.secret


def test_there_are_enough() -> None:
    assert len(CASES) >= 70


@pytest.mark.parametrize("name", CASES)
async def test_it_is_refused(court: Court, loot: Loot, name: str) -> None:
    token = CASES[name](court, loot)
    answer = court.ask(token)
    assert answer.status_code == 401, answer.text
    assert answer.json()["code"] == "INVALID_CREDENTIALS"
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith("Bearer ")
    assert 'error="invalid_token"' in challenge
    assert loot.claims["jti"] not in answer.text

    about = court.post("/oauth/introspect", {"token": token}, auth=loot.client.basic)
    assert about.json()["active"] == (name == "a refresh token")


async def test_what_they_are_made_of_is_good(court: Court, loot: Loot) -> None:
    assert court.ask(loot.access).status_code == 200
    assert court.ask(signed(court, loot)).status_code == 200
    active = court.post("/oauth/introspect", {"token": loot.access}, auth=loot.client.basic).json()
    assert active["active"]


@pytest.mark.parametrize("what", ["token", "client", "grant", "member", "organization"])
async def test_what_is_revoked_is_refused_within_seconds(court: Court, what: str) -> None:
    organization = uuid.uuid4()
    await court.pool.execute(
        "insert into organization (id, name, slug) values ($1, 'Passing', $2)",
        organization,
        str(organization),
    )
    client = await court.client(organization=organization)
    browser, _ = await court.logged_in(organization)
    sent = court.consent(browser, court.authorization(client))
    token = court.exchange(client, sent["code"]).json()["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    name = {
        "token": f"token:{claims['jti']}",
        "client": f"client:{client.id}",
        "grant": f"grant:{claims['grant']}",
        "member": f"member:{organization}:{claims['sub']}",
        "organization": f"organization:{organization}",
    }[what]
    assert court.ask(token).status_code == 200
    async with court.pool.acquire() as sql:
        await revoke(sql, name, datetime.now(UTC) + timedelta(hours=1))
    introspected = court.post("/oauth/introspect", {"token": token}, auth=client.basic)
    assert introspected.json() == {"active": False}
    answer = court.wait_until_refused(token)
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_CREDENTIALS")
    with browser:  # what is issued after the revocation is good
        sent = court.consent(browser, court.authorization(client))
    assert court.ask(court.exchange(client, sent["code"]).json()["access_token"]).status_code == 200
